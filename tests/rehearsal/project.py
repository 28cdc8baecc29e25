"""A checkout of this project that a test may commit to: the working tree as it is, in a repository of its own."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.sample import sample_settings, write_settings

SOURCES = Path(__file__).parents[2]
MIDDLE = "Staging"
_GIT = ("git", "-c", "user.name=Rehearsal", "-c", "user.email=rehearsal@example.com", "-c", "commit.gpgSign=false")
_NOT_SOURCES = shutil.ignore_patterns(
    ".git", ".venv", "node_modules", "build", "cdk.out", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"
)
_SYNTH_ONCE = """\
#!/bin/sh
set -eu
cd "$(dirname "$0")/.."
kept="{kept}/${{CODEBUILD_RESOLVED_SOURCE_VERSION:?}}"
if [ ! -d "$kept" ]; then
  mkdir "$kept.new"
  if sh scripts/synth-afresh >"$kept.new/log" 2>&1; then cp -r cdk.out "$kept.new/cdk.out"; fi
  mv "$kept.new" "$kept"
fi
cat "$kept/log"
[ -d "$kept/cdk.out" ] || exit 1
rm -rf cdk.out
cp -r "$kept/cdk.out" cdk.out
"""


class Project:
    """The checkout; its tools are those of its sources."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self._git("init", "--quiet")

    @classmethod
    def with_sample_settings(cls, directory: Path) -> Self:
        """This project as it is, with settings that no team changes."""
        project = cls(directory)
        project.use(SOURCES)
        project._use_sample_settings()
        project.commit("The project as it is")
        return project

    def use(self, sources: Path) -> None:
        """Replace all files but logs by those of a tree, with its tools; nothing is committed."""
        for each in self.directory.iterdir():
            if each.is_symlink() or each.is_file():
                each.unlink()
            elif each.name not in (".git", "build"):
                shutil.rmtree(each)
        shutil.copytree(sources, self.directory, ignore=_NOT_SOURCES, symlinks=True, dirs_exist_ok=True)
        for tools in (".venv", "node_modules"):
            (self.directory / tools).symlink_to(sources / tools, target_is_directory=True)
        self._leave_out_the_checks()
        self._synthesize_once()

    @property
    def accounts(self) -> dict[str, str]:
        """The account of each environment, in the order of their delivery."""
        environments = self._settings["environments"]
        return {name: environment["account"] for name, environment in environments.items()}

    @property
    def pipeline_account(self) -> str:
        """The account that the pipeline runs in."""
        account: str = self._settings["account"]
        return account

    def add_the_middle_environment(self) -> None:
        """Put the sample's environments between the first and the last one into cdk.json."""
        settings = self._settings
        first, last = settings["environments"]
        sample = sample_settings()["environments"]
        settings["environments"] = {name: settings["environments"].get(name, entry) for name, entry in sample.items()}
        assert list(settings["environments"]) == [first, MIDDLE, last]
        write_settings(self.directory, settings)

    def edit(self, message: str, changes: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """Commit texts in the place of others, file by file; one that is not there is a mistake of the test."""
        for name, replacements in changes.items():
            file = self.directory / name
            text = file.read_text()
            for old, new in replacements:
                assert old in text or "integration" in name, f"{name} has no {old!r}"
                text = text.replace(old, new)
            file.write_text(text)
        self.commit(message)

    def commit(self, message: str) -> None:
        """Commit everything that is not ignored."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)

    def _git(self, *arguments: str) -> None:
        subprocess.run([*_GIT, *arguments], cwd=self.directory, check=True)  # noqa: S603 - git, as a user has it

    @property
    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = json.loads((self.directory / "cdk.json").read_text())["context"]["delivery"]
        return settings

    def _use_sample_settings(self) -> None:
        """The sample without its middle environment, which a commit adds later; two are delivered faster."""
        settings = sample_settings()
        middle, last = settings["environments"].pop(MIDDLE), list(settings["environments"].values())[-1]
        first = next(iter(settings["environments"].values()))
        first["canary"] = middle["canary"]  # the last environment runs no canary before another did
        last["peers_with"] = False
        write_settings(self.directory, settings)

    def _synthesize_once(self) -> None:
        """A commit is synthesized once, however often it is built: that it comes out the same is proved elsewhere."""
        scripts, kept = self.directory / "scripts", self.directory.with_name("assemblies")
        kept.mkdir(exist_ok=True)
        (scripts / "synth").rename(scripts / "synth-afresh")
        (scripts / "synth").write_text(_SYNTH_ONCE.format(kept=kept))
        (scripts / "synth").chmod(0o755)

    def _leave_out_the_checks(self) -> None:
        """The build's checks are these very tests among others: here only what becomes of the build is looked at."""
        makefile = self.directory / "Makefile"
        without = re.sub(r"^check:.*\n(\t.*\n)*", "check: sbom\n\n", makefile.read_text(), flags=re.MULTILINE)
        # The linter of templates takes seconds of every synthesis; it looks at the same templates elsewhere.
        makefile.write_text(f"export CDK_VALIDATION := false\n{without}")
