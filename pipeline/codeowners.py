"""`.github/CODEOWNERS`, which must name teams that review what controls the pipeline, in the top folder."""

import re
from collections.abc import Iterator
from pathlib import Path

CODEOWNERS = Path(__file__).parents[1] / ".github" / "CODEOWNERS"
_PLACEHOLDER = re.compile(r"(?<!\S)@example/\S+")


def placeholder_owners(file: Path = CODEOWNERS) -> Iterator[str]:
    """Yields a sentence for each team of a fresh checkout: no review is required from a team that does not exist."""
    if not file.is_file():
        return
    entries = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    for team in dict.fromkeys(_PLACEHOLDER.findall("\n".join(entries))):
        yield f".github/CODEOWNERS has the placeholder {team!r}: put your own team in before you deploy."


def subfolder(project: Path = CODEOWNERS.parents[1]) -> Iterator[str]:
    """Yields a sentence if the project is not the top folder of its repository."""
    top = next((folder for folder in (project, *project.parents) if (folder / ".git").exists()), project)
    if top != project:
        yield (
            f"The project is the folder {project.relative_to(top)} of the repository {top}: give it a repository of "
            "its own. A build starts in the top folder, and CODEOWNERS counts only there."
        )
