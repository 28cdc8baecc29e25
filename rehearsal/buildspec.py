"""A CodeBuild buildspec, version 0.2: what it says is carried out, and what is not understood is refused.

A key that were skipped here would be a check that the rehearsal passes and CodeBuild does not.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml  # type: ignore[import-untyped]

from rehearsal.errors import DeliveryError

PHASES = ("install", "pre_build", "build", "post_build")
_KNOWN = {"version", "env", "phases", "artifacts", "cache", "reports"}
_KNOWN_OF_ENV = {"shell", "variables", "parameter-store", "secrets-manager", "exported-variables"}
_KNOWN_OF_PHASE = {"commands", "finally", "runtime-versions", "on-failure"}
_KNOWN_OF_ARTIFACTS = {"files", "base-directory", "discard-paths", "exclude-paths", "name"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """The commands of a phase, and those that run whether or not they succeeded."""

    name: str
    commands: tuple[str, ...] = ()
    finally_commands: tuple[str, ...] = ()
    abort: bool = False  # a failed build phase with this does not go on to post_build
    runtimes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Which files make an artifact."""

    directory: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    flat: bool

    def name_of(self, path: str) -> str | None:
        """The name in the artifact of a file below the directory; None when it does not belong to it."""
        included = any(_matches(pattern, path) for pattern in self.include)
        if not included or any(_matches(pattern, path) for pattern in self.exclude):
            return None
        return path.rpartition("/")[2] if self.flat else path


@dataclass(frozen=True, slots=True, kw_only=True)
class Buildspec:
    """The whole file."""

    shell: str
    variables: Mapping[str, str]
    parameters: Mapping[str, str]
    secrets: Mapping[str, str]
    exported: tuple[str, ...]
    phases: tuple[Phase, ...]
    artifact: Output | None
    secondary_artifacts: Mapping[str, Output]
    cache_paths: tuple[str, ...]
    reports: Mapping[str, Output]


def parse(text: str) -> Buildspec:
    """Read a buildspec, YAML or JSON."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DeliveryError(f"The buildspec is not YAML: {error}") from error
    _check(document, _KNOWN, "the buildspec")
    if str(document.get("version")) != "0.2":
        raise DeliveryError(f"The buildspec has version {document.get('version')}: write 'version: 0.2'.")
    env, artifacts = document.get("env") or {}, document.get("artifacts") or {}
    _check(env, _KNOWN_OF_ENV, "its env")
    _check(document.get("phases") or {}, set(PHASES), "its phases")
    return Buildspec(
        shell=env.get("shell", "sh"),
        variables=_texts(env.get("variables")),
        parameters=_texts(env.get("parameter-store")),
        secrets=_texts(env.get("secrets-manager")),
        exported=tuple(env.get("exported-variables") or ()),
        phases=tuple(_phase(name, document["phases"].get(name) or {}) for name in PHASES),
        artifact=_output(artifacts, "its artifacts") if "files" in artifacts else None,
        secondary_artifacts={
            name: _output(output, f"its artifact {name}")
            for name, output in (artifacts.get("secondary-artifacts") or {}).items()
        },
        cache_paths=tuple((document.get("cache") or {}).get("paths") or ()),
        reports={
            name: _output({k: v for k, v in report.items() if k != "file-format"}, f"its report {name}")
            for name, report in (document.get("reports") or {}).items()
        },
    )


def _phase(name: str, phase: Mapping[str, Any]) -> Phase:
    _check(phase, _KNOWN_OF_PHASE, f"its phase {name}")
    if phase.get("on-failure", "ABORT") != "ABORT":
        raise DeliveryError(f"Phase {name} has on-failure {phase['on-failure']}: a rehearsal knows only ABORT.")
    return Phase(
        name=name,
        commands=_list(phase.get("commands")),
        finally_commands=_list(phase.get("finally")),
        abort="on-failure" in phase,
        runtimes=_texts(phase.get("runtime-versions")),
    )


def _output(output: Mapping[str, Any], where: str) -> Output:
    _check(output, _KNOWN_OF_ARTIFACTS | {"secondary-artifacts"}, where)
    return Output(
        directory=output.get("base-directory", "."),
        include=_list(output.get("files")),
        exclude=_list(output.get("exclude-paths")),
        flat=str(output.get("discard-paths", "no")).lower() in {"yes", "true"},
    )


def _check(found: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := set(found) - known:
        raise DeliveryError(f"A rehearsal does not know {', '.join(sorted(unknown))} in {where}.")


def _list(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _texts(value: Mapping[str, object] | None) -> dict[str, str]:
    return {name: str(text) for name, text in (value or {}).items()}


def _matches(pattern: str, path: str) -> bool:
    expression = ""
    for part in re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", pattern.removeprefix("./")):
        wildcards = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        expression += wildcards.get(part) or re.escape(part)
    return re.fullmatch(expression, path) is not None
