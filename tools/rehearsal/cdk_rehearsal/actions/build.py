"""CodeBuild actions: the commands of the project's buildspec are really run, on the input artifacts.

The emulator's own CodeBuild only describes the project: it reports every build as succeeded without running it.
"""

import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from cdk_rehearsal import artifacts, implied
from cdk_rehearsal.actions.context import Context, Outcome
from cdk_rehearsal.buildspec import Buildspec, Output, Shell, parse
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.pipeline import Action
from cdk_rehearsal.processes import quoted
from cdk_rehearsal.roles import taken


def primary_input(action: Action, context: Context) -> str:
    """The artifact that the build starts in."""
    return context.configuration.get("PrimarySource") or action.inputs[0]


def environment(
    action: Action, context: Context, *, key: str, project: Mapping[str, Any], spec: Buildspec, directory: Path
) -> dict[str, str]:
    """The variables of a build; an action's win over the project's, and those over the buildspec's.

    `key` is the access key of the project's role.
    """
    home = context.home
    base = context.workplace.emulator.environment(account=key, region=action.region)
    build = f"{project['name']}:{uuid.uuid4()}"
    set_by_codebuild = {
        "CODEBUILD_BUILD_ARN": f"arn:aws:codebuild:{action.region}:{home.account}:build/{build}",
        "CODEBUILD_BUILD_ID": build,
        "CODEBUILD_CI": "true",
        "CODEBUILD_INITIATOR": f"codepipeline/{context.pipeline.name}",
        "CODEBUILD_LOG_PATH": str(context.log),
        "CODEBUILD_RESOLVED_SOURCE_VERSION": context.commit.id,
        "CODEBUILD_START_TIME": str(int(time.time() * 1000)),
    }
    for name in action.inputs:
        set_by_codebuild[f"CODEBUILD_SRC_DIR_{name}"] = str(directory / "inputs" / name)
    primary = primary_input(action, context)
    set_by_codebuild["CODEBUILD_SRC_DIR"] = set_by_codebuild.pop(f"CODEBUILD_SRC_DIR_{primary}")
    set_by_codebuild["CODEBUILD_SOURCE_VERSION"] = context.artifacts.location(primary, region=action.region)
    given = {each["name"]: each for each in project.get("environment", {}).get("environmentVariables", [])}
    for each in json.loads(context.configuration.get("EnvironmentVariables", "[]")):
        given[each["name"]] = each
    wanted = [
        *({"name": name, "value": value} for name, value in spec.variables.items()),
        *({"name": name, "value": value, "type": "PARAMETER_STORE"} for name, value in spec.parameters.items()),
        *({"name": name, "value": value, "type": "SECRETS_MANAGER"} for name, value in spec.secrets.items()),
        *given.values(),
    ]
    configured = context.workplace.settings.build_environment
    return (
        context.workplace.tools.build(base, scratch=directory)
        | set_by_codebuild
        | {name: value.replace("{emulator}", context.workplace.emulator.endpoint) for name, value in configured.items()}
        | {each["name"]: _value(each, action, context, key=key) for each in wanted}
        | (_OFFLINE if _is_offline(action, context) else {})
    )


_OFFLINE = {"PIP_NO_INDEX": "1", "NPM_CONFIG_REGISTRY": "http://127.0.0.1:9", "NPM_CONFIG_CACHE": "npm-cache"}


def _is_offline(action: Action, context: Context) -> bool:
    """Whether the build does without package registries, and so without what other builds installed."""
    return any(fnmatchcase(action.name, pattern) for pattern in context.workplace.settings.offline)


def _value(variable: Mapping[str, str], action: Action, context: Context, *, key: str) -> str:
    value, client = variable["value"], context.workplace.emulator.client
    match variable.get("type", "PLAINTEXT"):
        case "PARAMETER_STORE":
            answer = client("ssm", account=key, region=action.region).get_parameter(Name=value, WithDecryption=True)
            parameter: str = answer["Parameter"]["Value"]
            return parameter
        case "SECRETS_MANAGER":
            secret, _, member = value.partition(":")
            answer = client("secretsmanager", account=key, region=action.region).get_secret_value(SecretId=secret)
            text: str = answer["SecretString"]
            return str(json.loads(text)[member.partition(":")[0]]) if member else text
        case _:
            return value


_DEFAULT_MINUTES = 60


def carry_out(action: Action, context: Context) -> Outcome:
    """Unpack the input artifacts, run the phases, pack the output artifacts."""
    project = _project(action, context)
    key = _role(project, action, context)
    directory = context.workplace.directory / "builds" / context.action_execution
    sources = _unpack(action, context, directory, key=key)
    spec = _buildspec(project, sources)
    _publish(spec, project, action, context, key=key)
    checkout, settings = context.workplace.checkout, context.workplace.settings
    patterns = (*(() if _is_offline(action, context) else settings.cache), *spec.cache_paths)
    cached = artifacts.restore(checkout=checkout, tree=sources, patterns=patterns, key=settings.cache_key)
    minutes = project.get("timeoutInMinutes", _DEFAULT_MINUTES)
    shell = Shell(
        interpreter=spec.shell,
        directory=sources,
        state=directory / "state",
        environment=environment(action, context, key=key, project=project, spec=spec, directory=directory),
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
    artifacts.keep(checkout=checkout, tree=sources, patterns=spec.cache_paths, key=settings.cache_key)
    if failure is not None:
        raise DeliveryError(f"The build failed: {failure}\n    The end of {context.log}:\n{quoted(context.log)}")
    variables = shell.variables() if spec.exported else {}
    return Outcome(
        summary=_reports(spec, sources),
        artifacts=_artifacts(action, spec, sources),
        key=key,
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


def _role(project: Mapping[str, Any], action: Action, context: Context) -> str:
    """The access key of a session of the project's role, with which CodeBuild writes the log of the build."""
    emulator, region, account = context.workplace.emulator, action.region, context.home.account
    key = taken(project["serviceRole"], emulator=emulator, region=region, session="build")
    named = [
        each["Properties"].get("LogsConfig", {}).get("CloudWatchLogs", {}).get("GroupName")
        for each in emulator.recorded()
        if (each["Account"], each["Region"], each["PhysicalId"]) == (account, region, project["name"])
    ]
    group = next(filter(None, named), None)
    for called, form in (implied.BUILD if group else {**implied.BUILD, **implied.BUILD_LOG}).items():
        resource = form.format(region=region, account=account, group=group or f"/aws/codebuild/{project['name']}")
        emulator.record(key, action=called, resource=resource, region=region)
    return key


def _publish(spec: Buildspec, project: Mapping[str, Any], action: Action, context: Context, *, key: str) -> None:
    """Record the calls that would publish the test reports."""
    names = {"region": action.region, "account": context.home.account, "project": project["name"]}
    for report in spec.reports:
        for called, form in implied.REPORT.items():
            resource = form.format(report=report, **names)
            context.workplace.emulator.record(key, action=called, resource=resource, region=action.region)


def _unpack(action: Action, context: Context, directory: Path, *, key: str) -> Path:
    """Each input artifact in a directory of its own; returns the primary one's."""
    for name in action.inputs:
        artifacts.unpack(context.artifacts.load(name, region=action.region, key=key), directory / "inputs" / name)
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
        packed[name] = artifacts.pack(artifacts.entry(inside, path) for inside, path in entries)
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
