"""CodeBuild actions: the project's buildspec is really carried out, on the artifacts that the pipeline hands over.

Nothing is asked of the emulator's own CodeBuild but the project: it calls every build succeeded without running it.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rehearsal import archive, cache
from rehearsal.actions.build_environment import environment, primary_input
from rehearsal.actions.context import Context, Outcome
from rehearsal.buildspec import Buildspec, Output, parse
from rehearsal.errors import DeliveryError
from rehearsal.pipeline import Action
from rehearsal.processes import quoted
from rehearsal.shell import Shell

_DEFAULT_MINUTES = 60


def carry_out(action: Action, context: Context) -> Outcome:
    """Unpack the input artifacts, run the phases, pack the output artifacts."""
    project = _project(action, context)
    directory = context.workplace.directory / "builds" / context.action_execution
    sources = _unpack(action, context, directory)
    spec = _buildspec(project, sources)
    patterns = (*cache.INSTALLED, *spec.cache_paths)
    cached = cache.restore(checkout=context.workplace.checkout, tree=sources, patterns=patterns)
    minutes = project.get("timeoutInMinutes", _DEFAULT_MINUTES)
    shell = Shell(
        interpreter=spec.shell,
        directory=sources,
        state=directory / "state",
        environment=environment(action, context, project=project, spec=spec, directory=directory),
        processes=context.workplace.processes,
        log=context.log,
        minutes=minutes,
        watch=context.step.watch,
    )
    shell.note(f"{project['name']}: from the build cache: {', '.join(cached) or 'nothing'}")
    try:
        failure = shell.build(spec)
    except TimeoutError:
        failure = f"it was not done after {minutes} minutes"
    cache.keep(checkout=context.workplace.checkout, tree=sources, patterns=spec.cache_paths)
    if failure is not None:
        raise DeliveryError(f"The build failed: {failure}\n    The end of {context.log}:\n{quoted(context.log)}")
    variables = shell.variables() if spec.exported else {}
    return Outcome(
        summary=_reports(spec, sources),
        artifacts=_artifacts(action, spec, sources),
        variables={name: variables.get(name, "") for name in spec.exported},
        notes=tuple(f"{action}: test report {name} was written, not published" for name in spec.reports),
    )


def _project(action: Action, context: Context) -> Mapping[str, Any]:
    name = context.configuration["ProjectName"]
    found = context.client("codebuild", region=action.region).batch_get_projects(names=[name])["projects"]
    if not found:
        raise DeliveryError(f"{action} names the CodeBuild project {name}, which does not exist.")
    project: Mapping[str, Any] = found[0]
    return project


def _unpack(action: Action, context: Context, directory: Path) -> Path:
    """Each input artifact in a directory of its own; returns the primary one's."""
    for name in action.inputs:
        archive.unpack(context.artifacts.load(name, region=action.region), directory / "inputs" / name)
    return directory / "inputs" / primary_input(action, context)


def _buildspec(project: Mapping[str, Any], sources: Path) -> Buildspec:
    """Inline in the project, or a file of the sources that it names."""
    text: str = project["source"].get("buildspec") or "buildspec.yml"
    if "\n" not in text and not text.lstrip().startswith("{"):
        file = sources / text
        if not file.is_file():
            raise DeliveryError(f"The sources have no buildspec {text}, which project {project['name']} names.")
        text = file.read_text()
    return parse(text)


def _reports(spec: Buildspec, sources: Path) -> str:
    files = sum(len(list(_files(output, sources))) for output in spec.reports.values())
    return f"{files} test report files" if spec.reports else ""


def _artifacts(action: Action, spec: Buildspec, sources: Path) -> dict[str, bytes]:
    """An action with one output takes the primary artifact; secondary ones go by their names."""
    packed: dict[str, bytes] = {}
    for name in action.outputs:
        output = spec.secondary_artifacts.get(name)
        if output is None and len(action.outputs) == 1:
            output = spec.artifact
        entries = [] if output is None else list(_files(output, sources))
        if not entries:
            raise DeliveryError(f"{action} must put out the artifact {name}, but its buildspec has no file for it.")
        packed[name] = archive.pack(archive.entry(inside, path) for inside, path in entries)
    return packed


def _files(output: Output, sources: Path) -> Iterator[tuple[str, Path]]:
    """The name in the artifact and the file; links to directories, such as the build cache, are not followed."""
    top = sources / output.directory
    for directory, _, files in sorted(os.walk(top)):
        for file in sorted(files):
            path = Path(directory, file)
            inside = output.name_of(path.relative_to(top).as_posix())
            if inside is not None:
                yield inside, path
