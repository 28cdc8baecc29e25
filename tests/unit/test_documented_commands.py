"""Commands in the documents are commands: what no test or drill carries out is held to the tools' own definitions."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from tests.conftest import CHECKOUT

PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
CODE = re.compile(r"^ *```sh[^\n]*\n(.*?)^ *```$|`([^`]+)`", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
GLOBAL = {"region", "query", "output", "paginate"}
BY_THE_CLI = {"s3 sync", "cloudformation deploy"}
"""Commands that the AWS CLI adds to the API's own."""


def commands(page: Path, tool: str) -> Iterator[str]:
    """The commands of a tool on a page, without what is quoted in them."""
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
    if f"{service} {operation}" in BY_THE_CLI:
        return
    model = botocore.session.Session().get_service_model({"s3api": "s3"}.get(service, service))
    if operation == "wait":
        waiter = command.split()[2].replace("-", "_")
        known = botocore.session.Session().get_waiter_model(service).waiter_names
        assert waiter in {xform_name(name) for name in known}, f"{page}: {command}"
        return
    names = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in names, f"{page}: {command}"
    shape = model.operation_model(names[operation]).input_shape
    assert shape is not None
    members = {xform_name(name, "-") for name in shape.members}
    given = {flag if flag in members else flag.removeprefix("no-") for flag in flags(command)}
    assert given - members <= GLOBAL, f"{page}: {command}"
    if given:  # without any it is only spoken of
        assert {xform_name(name, "-") for name in shape.required_members} <= given, f"{page}: {command}"


@cache
def _help(command: str) -> str:
    return subprocess.run(  # noqa: S603 - the pinned CLI
        ["cdk", command, "--help"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize(("page", "command"), CDK)
def test_every_documented_cdk_command_exists(page: str, command: str) -> None:
    verb = next(word for word in command.split() if word in ("bootstrap", "deploy", "destroy", "synth", "diff"))
    for flag in flags(command):
        assert re.search(rf"--{flag}\b", _help(verb)), f"{page}: {command}"


@pytest.mark.parametrize(("page", "target"), MAKE)
def test_every_documented_make_target_exists(page: str, target: str) -> None:
    assert re.search(rf"^{re.escape(target)}:", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), page


def test_the_pages_contain_commands_to_check() -> None:
    assert min(len(AWS), len(CDK), len(MAKE)) > 5
