"""The configuration of a rehearsed repository: `[tool.cdk-rehearsal]` in pyproject.toml, or cdk-rehearsal.toml.

Every key has a default that suits a CDK Pipelines app as it is, so a repository without configuration is fine.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Self, get_args, get_origin, get_type_hints

from cdk_rehearsal.errors import RehearsalError

FILE = "cdk-rehearsal.toml"
_TABLE = "[tool.cdk-rehearsal]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """How accounts are bootstrapped: plain `cdk bootstrap`, or a block of commands in a page of the repository."""

    page: str = ""  # a Markdown file with one block that sets both variables and calls `cdk bootstrap`
    tooling: str = "TOOLING"  # the block's variable for the pipeline's account
    account: str = "ACCOUNT"  # the block's variable for the account to bootstrap
    regions: tuple[str, ...] = ()  # the block's variables for regions, the pipeline's first
    files: tuple[str, ...] = ()  # what the block reads
    stacks: tuple[str, ...] = ()  # what it deploys beside the toolkit stack
    names: tuple[str, ...] = ()  # parts of the names of resources that it creates


@dataclass(frozen=True, slots=True, kw_only=True)
class Teardown:
    """How TEARDOWN=yes removes what was delivered: by the commands of a page of the repository."""

    page: str
    command: str  # removes one stage, named by {stage}
    refusal: str  # what the command prints for a stage whose data it must not remove, with {stage}
    stage: str  # the section with the manual commands for such a stage
    pipeline: str  # the section that removes the pipeline
    mark: str = "sh"  # the info string of the blocks that a rehearsal can run


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The configuration of one repository."""

    command: str = "cdk-rehearsal"  # what the user runs, for messages
    pipeline_stack: str = ""  # construct path; by default the one stack that declares a pipeline
    synth: str = ""  # shell command that writes the assembly; by default the app is installed and `cdk synth` is run
    assembly: str = ""  # its directory; by default `output` of cdk.json, or cdk.out
    cache: tuple[str, ...] = ()  # directories of the checkout that builds may share
    cache_key: tuple[str, ...] = ()  # files that must be the same in the commit for that
    build_environment: Mapping[str, str] = field(default_factory=dict)  # {emulator} is the endpoint
    offline: tuple[str, ...] = ()  # names of build actions that reach no package registry, such as Verify*
    unused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by reason: `ROLE ACTION ...` with wildcards
    sometimes_unused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the same, where a rehearsal may
    not_proved: tuple[str, ...] = ()  # further lines for "What a rehearsal does not prove"
    bootstrap: Bootstrap = field(default_factory=Bootstrap)
    teardown: Teardown | None = None

    @classmethod
    def load(cls, checkout: Path) -> Self:
        """Read and check the configuration of a checkout; all mistakes are reported together."""
        table, source = _table(checkout)
        faults: list[str] = []
        settings = _record(cls, table, faults=faults, prefix="")
        if faults:
            raise RehearsalError(
                "\n".join([f"{source} has {len(faults)} mistakes:", *(f"  {each}" for each in faults)])
            )
        assert isinstance(settings, cls)  # noqa: S101 - _record returns None only with faults
        return settings


def _table(checkout: Path) -> tuple[Mapping[str, Any], str]:
    own, project = checkout / FILE, checkout / "pyproject.toml"
    found = {FILE: _read(own)} if own.is_file() else {}
    shared = _read(project).get("tool", {}).get("cdk-rehearsal") if project.is_file() else None
    if shared is not None:
        found[f"{_TABLE} in pyproject.toml"] = shared
    if len(found) > 1:
        raise RehearsalError(f"The rehearsal is configured twice, in {' and in '.join(found)}: keep one of them.")
    source, table = next(iter(found.items()), ("", {}))
    if not isinstance(table, dict):
        raise RehearsalError(f"{source} is {table!r}: write it as a table.")
    return table, source


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RehearsalError(f"{file} is not TOML: {error}") from error


def _record(kind: type, table: Mapping[str, Any], *, faults: list[str], prefix: str) -> object | None:
    """One dataclass of a table; None when something is wrong with it."""
    known: dict[str, Field[Any]] = {each.name.replace("_", "-"): each for each in fields(kind)}
    types, before = get_type_hints(kind), len(faults)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            faults.append(f"{prefix}{key} = {value!r}: there is no such key; the keys are {', '.join(known)}.")
        else:
            values[known[key].name] = _value(types[known[key].name], value, faults=faults, key=f"{prefix}{key}")
    for key, each in known.items():
        required = each.default is MISSING and each.default_factory is MISSING
        if required and key not in table:
            faults.append(f"{prefix}{key} is missing: write {prefix}{key} = {_example(types[each.name])}.")
    return kind(**values) if len(faults) == before else None


def _value(expected: Any, value: object, *, faults: list[str], key: str) -> Any:
    kind = next(filter(is_dataclass, get_args(expected)), expected)  # of `Record | None` the record
    if is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        return _record(kind, value, faults=faults, prefix=f"{key}.")
    if kind is str and isinstance(value, str):
        return value
    if get_origin(kind) is tuple and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    if get_origin(kind) is Mapping and isinstance(value, dict):
        return {
            name: _value(get_args(kind)[1], each, faults=faults, key=f"{key}.{name}") for name, each in value.items()
        }
    faults.append(f"{key} = {value!r} has the wrong type: write it like {_example(kind)}.")
    return None


def _example(kind: Any) -> str:
    if kind is str:
        return '"text"'
    return '["text", "text"]' if get_origin(kind) is tuple else '{ name = "text" }'
