"""Commands in the documents are checked against the models of the AWS CLI, the CDK CLI and the Makefile."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from tests.conftest import CHECKOUT

PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
CODE = re.compile(r"^ *```[a-z][^\n]*\n(.*?)^ *```$|`([^`]+)`", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
GLOBAL = {"region", "query", "output", "paginate"}
CLI_ONLY = {"s3 sync", "cloudformation deploy"}
"""Commands of the AWS CLI that are no API operation."""
OPTIONS = json.loads((CHECKOUT / "node_modules/aws-cdk/lib/cli/cli-type-registry.json").read_text(encoding="utf-8"))
"""What the CDK CLI builds its command line from."""


def commands(page: Path, tool: str) -> Iterator[str]:
    """The commands of a tool on a page, with quoted arguments replaced by X."""
    for found in CODE.finditer(page.read_text(encoding="utf-8")):
        code = found[1].replace("\\\n", " ") if found[1] else found[2].replace("\n", " ")
        text = QUOTED.sub("X", code)
        for part in re.split(r"[\n;|&()]", text):
            if match := re.search(rf"(?:^|\s){tool} (\S.*)", part):
                yield match[1].strip()


AWS = sorted({(page.name, command) for page in PAGES for command in commands(page, "aws")})
CDK = sorted({(page.name, command) for page in PAGES for command in commands(page, "cdk")})
MAKE = sorted({(page.name, command.split()[0]) for page in PAGES for command in commands(page, "make")})


def flags(command: str) -> set[str]:
    return {flag.partition("=")[0] for flag in re.findall(r"(?<!\S)--([a-z][a-z0-9-]*=?)", command)}


@pytest.mark.parametrize(("page", "command"), AWS)
def test_every_documented_aws_command_exists(page: str, command: str) -> None:
    service, operation = command.split()[:2]
    if f"{service} {operation}" in CLI_ONLY:
        return
    model = botocore.session.Session().get_service_model({"s3api": "s3"}.get(service, service))
    if operation == "wait":
        waiter = command.split()[2].replace("-", "_")
        known = botocore.session.Session().get_waiter_model(service).waiter_names
        assert waiter in {xform_name(name) for name in known}, f"correct the waiter in {page}: {command}"
        return
    names = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in names, f"correct the operation in {page}: {command}"
    shape = model.operation_model(names[operation]).input_shape
    assert shape is not None
    members = {xform_name(name, "-") for name in shape.members}
    given = {flag if flag in members else flag.removeprefix("no-") for flag in flags(command)}
    unknown = given - members - GLOBAL
    assert not unknown, f"remove the unknown options {sorted(unknown)} in {page}: {command}"
    if given:  # a command without options is a mention
        missing = {xform_name(name, "-") for name in shape.required_members} - given
        assert not missing, f"add the required options {sorted(missing)} in {page}: {command}"


@pytest.mark.parametrize(("page", "command"), CDK)
def test_every_documented_cdk_command_exists(page: str, command: str) -> None:
    verb = next(word for word in command.split() if word in OPTIONS["commands"])
    known = OPTIONS["commands"][verb]["options"].keys() | OPTIONS["globalOptions"].keys()
    unknown = {flag for flag in flags(command) if flag not in known and flag.removeprefix("no-") not in known}
    assert not unknown, f"remove the unknown options {sorted(unknown)} in {page}: {command}"


@pytest.mark.parametrize(("page", "target"), MAKE)
def test_every_documented_make_target_exists(page: str, target: str) -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), f"correct `make {target}` in {page}"


def test_the_pages_contain_commands_to_check() -> None:
    assert min(len(AWS), len(CDK), len(MAKE)) > 5
