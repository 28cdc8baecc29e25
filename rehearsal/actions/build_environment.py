"""The environment variables of a build: what CodeBuild sets, and what project, action and buildspec add to it."""

import json
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal import toolbox
from rehearsal.actions.context import Context
from rehearsal.buildspec import Buildspec
from rehearsal.pipeline import Action

NEEDS_CONTAINERS = "containers"
"""The marker of tests that want an answer from a container; none runs here."""


def primary_input(action: Action, context: Context) -> str:
    """The artifact that the build starts in."""
    return context.configuration.get("PrimarySource") or action.inputs[0]


def environment(
    action: Action, context: Context, *, project: Mapping[str, Any], spec: Buildspec, directory: Path
) -> dict[str, str]:
    """What CodeBuild sets; of equal names the action's wins over the project's and that over the buildspec's."""
    home = context.home
    base = context.workplace.emulator.environment(account=home.account, region=action.region)
    build = f"{project['name']}:{uuid.uuid4()}"
    told = {
        "CODEBUILD_BUILD_ARN": f"arn:aws:codebuild:{action.region}:{home.account}:build/{build}",
        "CODEBUILD_BUILD_ID": build,
        "CODEBUILD_CI": "true",
        "CODEBUILD_INITIATOR": f"codepipeline/{context.pipeline.name}",
        "CODEBUILD_LOG_PATH": str(context.log),
        "CODEBUILD_RESOLVED_SOURCE_VERSION": context.commit.id,
        "PIP_AUDIT_OSV_URL": f"{context.workplace.emulator.endpoint}/_rehearsal/advisories",
        "PYTEST_ADDOPTS": f"-m 'not {NEEDS_CONTAINERS}'",
        "CODEBUILD_START_TIME": str(int(time.time() * 1000)),
    }
    for name in action.inputs:
        told[f"CODEBUILD_SRC_DIR_{name}"] = str(directory / "inputs" / name)
    primary = primary_input(action, context)
    told["CODEBUILD_SRC_DIR"] = told.pop(f"CODEBUILD_SRC_DIR_{primary}")
    told["CODEBUILD_SOURCE_VERSION"] = context.artifacts.location(primary, region=action.region)
    given = {each["name"]: each for each in project.get("environment", {}).get("environmentVariables", [])}
    for each in json.loads(context.configuration.get("EnvironmentVariables", "[]")):
        given[each["name"]] = each
    wanted = [
        *({"name": name, "value": value} for name, value in spec.variables.items()),
        *({"name": name, "value": value, "type": "PARAMETER_STORE"} for name, value in spec.parameters.items()),
        *({"name": name, "value": value, "type": "SECRETS_MANAGER"} for name, value in spec.secrets.items()),
        *given.values(),
    ]
    return (
        toolbox.environment(base, tools=context.workplace.tools, scratch=directory)
        | told
        | {each["name"]: _value(each, action, context) for each in wanted}
    )


def _value(variable: Mapping[str, str], action: Action, context: Context) -> str:
    value = variable["value"]
    match variable.get("type", "PLAINTEXT"):
        case "PARAMETER_STORE":
            answer = context.client("ssm", region=action.region).get_parameter(Name=value, WithDecryption=True)
            parameter: str = answer["Parameter"]["Value"]
            return parameter
        case "SECRETS_MANAGER":
            secret, _, key = value.partition(":")
            answer = context.client("secretsmanager", region=action.region).get_secret_value(SecretId=secret)
            text: str = answer["SecretString"]
            return str(json.loads(text)[key.partition(":")[0]]) if key else text
        case _:
            return value
