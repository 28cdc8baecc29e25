"""Commands in the documents are checked against the models of the AWS CLI, the CDK CLI and the Makefile."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import jmespath  # type: ignore[import-untyped]
import pytest
from botocore import xform_name

from tests.conftest import CHECKOUT

SESSION = botocore.session.Session()
PAGES = sorted(
    page
    for pages in (CHECKOUT.glob("*.md"), (CHECKOUT / "docs").rglob("*.md"), (CHECKOUT / "tools").rglob("*.md"))
    for page in pages
    if page.name != "CHANGELOG.md"  # history, with commands that are gone
)
CODE = re.compile(r"^ *```[a-z][^\n]*\n(.*?)^ *```$|`([^`]+)`", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"(?:^|\s)#[^\n]*")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
SEPARATORS = "\n;|&()"
HIDDEN = {ord(each): 0xE000 + index for index, each in enumerate(SEPARATORS)}
SHOWN = {hidden: each for each, hidden in HIDDEN.items()}
QUERY = re.compile(rf"--query\s+({QUOTED.pattern}|\S+)")
ANYWHERE = re.compile(r"(?<![\w./-])aws ([a-z$-][\w$-]*) ([\w$-]+)")
"""A command of the AWS CLI, wherever it is on a page."""
GLOBAL = {"region", "query", "output", "paginate", "max-items"}
CLI_ONLY = {"s3 sync", "cloudformation deploy"}
"""Commands of the AWS CLI that are no API operation."""
RENAMED = {"s3api": "s3", "configservice": "config", "notification-endpoint": "endpoint"}
"""Services and options of the AWS CLI whose name in the API differs."""
OPTIONS = json.loads((CHECKOUT / "node_modules/aws-cdk/lib/cli/cli-type-registry.json").read_text(encoding="utf-8"))
"""What the CDK CLI builds its command line from."""


def codes(page: Path) -> Iterator[str]:
    """The code of a page, blocks and inline, one command a line."""
    for found in CODE.finditer(page.read_text(encoding="utf-8")):
        yield COMMENT.sub("", found[1].replace("\\\n", " ")) if found[1] else found[2].replace("\n", " ")


def arguments(code: str, tool: str) -> Iterator[str]:
    """The arguments of each call of a tool, also in a substitution that is in quotes."""
    masked = QUOTED.sub(lambda quoted: quoted[0].translate(HIDDEN), code)
    for part in re.split(rf"[{re.escape(SEPARATORS)}]", masked):
        if match := re.search(rf"(?:^|\s){tool}\s+(\S.*)", part):
            yield QUOTED.sub(lambda quoted: "X" if "$(" in quoted[0] else quoted[0], match[1].translate(SHOWN)).strip()
    for quoted in QUOTED.findall(code):
        if "$(" in quoted:
            yield from arguments(quoted[1:-1], tool)


def commands(code: str, tool: str) -> Iterator[str]:
    """The commands of a tool, with quoted arguments replaced by X."""
    for each in arguments(code, tool):
        yield QUOTED.sub("X", each)


def documented(tool: str) -> list[tuple[str, str]]:
    """Each command of a tool with its page."""
    return sorted({(page.name, each) for page in PAGES for code in codes(page) for each in commands(code, tool)})


AWS, CDK = documented("aws"), documented("cdk")
MAKE = sorted({(page, command.split()[0]) for page, command in documented("make")})


def flags(command: str) -> set[str]:
    found = re.findall(r"(?<!\S)--([a-z][a-z0-9-]*=?)", command)
    return {RENAMED.get(flag, flag) for flag in (each.partition("=")[0] for each in found)}


@cache
def service_model(service: str) -> Any:
    return SESSION.get_service_model(RENAMED.get(service, service))


def operation_model(service: str, operation: str, page: str) -> Any:
    names = {xform_name(name, "-"): name for name in service_model(service).operation_names}
    assert operation in names, f"correct the operation in {page}: aws {service} {operation}"
    return service_model(service).operation_model(names[operation])


@pytest.mark.parametrize(("page", "command"), AWS)
def test_every_documented_aws_command_exists(page: str, command: str) -> None:
    service, operation, *rest = command.split()
    if f"{service} {operation}" in CLI_ONLY:
        return
    if operation == "wait":
        waiters = SESSION.get_waiter_model(service)
        known = {xform_name(name, "-"): name for name in waiters.waiter_names}
        assert rest[0] in known, f"correct the waiter in {page}: {command}"
        operation = xform_name(waiters.get_waiter(known[rest[0]]).operation, "-")
    shape = operation_model(service, operation, page).input_shape
    members = {} if shape is None else {xform_name(name, "-"): member for name, member in shape.members.items()}
    given = {flag if flag in members else flag.removeprefix("no-") for flag in flags(command)}
    unknown = given - set(members) - GLOBAL
    assert not unknown, f"remove the unknown options {sorted(unknown)} in {page}: {command}"
    if given and shape is not None:  # a command without options is a mention
        missing = {xform_name(name, "-") for name in shape.required_members} - given
        assert not missing, f"add the required options {sorted(missing)} in {page}: {command}"
    for flag, value in re.findall(r"--([a-z0-9-]+)[ =]([A-Za-z_0-9-]+)(?=\s|$)", command):
        values = getattr(members.get(flag), "enum", [])
        assert not values or value in {*values, "X"}, f"{page}: --{flag} is one of {values}: {command}"


def test_every_aws_command_of_a_page_is_checked() -> None:
    checked = {(page, *command.split()[:2]) for page, command in AWS}
    for page in PAGES:
        text = re.sub(r"\\?\n *", " ", page.read_text(encoding="utf-8"))
        missed = {(page.name, *found) for found in ANYWHERE.findall(text)} - checked
        assert not missed, f"write them in a block with a language, or between backticks: {sorted(missed)}"


QUERIES = sorted(
    {
        (page.name, " ".join(each.split()[:2]), query.strip("'\""))
        for page in PAGES
        for code in codes(page)
        for each in arguments(code, "aws")
        for query in QUERY.findall(each)
    }
)


@pytest.mark.parametrize(("page", "command", "query"), QUERIES)
def test_every_query_reads_fields_of_the_answer(page: str, command: str, query: str) -> None:
    parsed, (service, operation) = jmespath.compile(query).parsed, command.split()
    fields(parsed, operation_model(service, operation, page).output_shape, f"{page}: aws {command} --query {query}")


def fields(node: dict[str, Any], shape: Any, where: str) -> Any:
    """The shape that an expression reads, in a tuple where it is a list of them; None where that is not known."""
    kind, children = node["type"], node["children"]
    found: Any = None
    if kind == "field" and shape is not None:
        assert shape.type_name == "map" or node["value"] in shape.members, f"{where}: there is no {node['value']}"
        found = shape.value if shape.type_name == "map" else shape.members[node["value"]]
    elif kind in {"subexpression", "index_expression", "pipe"}:
        found = shape
        for child in children:
            found = fields(child, found, where)
    elif kind == "index":
        found = element(shape)
    elif kind in {"projection", "filter_projection"}:
        item = element(fields(children[0], shape, where))
        if kind == "filter_projection":
            fields(children[2], item, where)
        found = (fields(children[1], item, where),)
    elif kind == "flatten":
        found = fields(children[0], shape, where)
        if isinstance(element(found), tuple) or getattr(element(found), "type_name", "") == "list":
            found = (element(element(found)),)
    elif kind in {"identity", "current", "slice"}:
        found = shape
    elif kind not in {"function_expression", "expref"}:  # what a function reads depends on its arguments
        for child in children:
            fields(child, shape, where)
    return found


def element(shape: Any) -> Any:
    if isinstance(shape, tuple):
        return shape[0]
    return shape and shape.member


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
    assert min(len(AWS), len(CDK), len(MAKE), len(QUERIES)) > 5


def test_a_command_in_a_quoted_substitution_is_found() -> None:
    code = """aws s3api delete-objects --delete "$(aws s3api list-object-versions --bucket $1 --query '{A: [B]}')" """
    assert [each.split()[1] for each in commands(code, "aws")] == ["delete-objects", "list-object-versions"]


def test_a_query_of_an_unknown_field_is_found() -> None:
    shape = operation_model("ecs", "list-service-deployments", "a page").output_shape
    query = "serviceDeployments[?status=='PENDING'].{}".format
    fields(jmespath.compile(query("serviceDeploymentArn")).parsed, shape, "a page")
    with pytest.raises(AssertionError, match="there is no deploymentArn"):
        fields(jmespath.compile(query("deploymentArn")).parsed, shape, "a page")
