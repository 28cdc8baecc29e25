"""The definition of the deployed pipeline, as GetPipeline answers it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from cdk_rehearsal import conditions
from cdk_rehearsal.conditions import Conditions
from cdk_rehearsal.errors import DeliveryError

Namespaces = Mapping[str, Mapping[str, str]]

_REFERENCE = re.compile(r"#\{(?P<namespace>[A-Za-z0-9@_-]+)\.(?P<name>[^}]+)\}")


def resolve(text: str, namespaces: Namespaces) -> str:
    """The text with every reference replaced."""

    def value(reference: re.Match[str]) -> str:
        try:
            return namespaces[reference["namespace"]][reference["name"]]
        except KeyError:
            known = ", ".join(sorted(namespaces.get(reference["namespace"], {}))) or "nothing"
            raise DeliveryError(
                f"The variable {reference[0]} has no value: the earlier actions of namespace "
                f"'{reference['namespace']}' have {known}."
            ) from None

    return _REFERENCE.sub(value, text)


def resolve_all(configuration: Mapping[str, str], namespaces: Namespaces) -> dict[str, str]:
    """A whole configuration; a value that is JSON stays JSON, also with quotes in a commit message."""
    return {key: _resolve_value(value, namespaces) for key, value in configuration.items()}


def _resolve_value(value: str, namespaces: Namespaces) -> str:
    if value.startswith(("[", "{")):
        try:
            return json.dumps(_resolve_document(json.loads(value), namespaces))
        except json.JSONDecodeError:
            pass  # a text that only looks like JSON
    return resolve(value, namespaces)


def _resolve_document(document: Any, namespaces: Namespaces) -> Any:
    if isinstance(document, dict):
        return {key: _resolve_document(value, namespaces) for key, value in document.items()}
    if isinstance(document, list):
        return [_resolve_document(value, namespaces) for value in document]
    return resolve(document, namespaces) if isinstance(document, str) else document


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action of a stage."""

    stage: str
    name: str
    category: str
    provider: str
    run_order: int
    configuration: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    region: str
    role_arn: str | None
    namespace: str | None

    def __str__(self) -> str:
        return f"{self.stage} / {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage with its actions in run order."""

    name: str
    actions: tuple[Action, ...]
    conditions: Conditions

    def in_order(self) -> Iterator[Action]:
        """One after the other.

        Actions of one run order may overlap on AWS. Here they do not, so that two rehearsals of one commit do the same
        things in the same order.
        """
        for _, actions in groupby(self.actions, key=lambda action: action.run_order):
            yield from actions


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The artifact bucket of a region."""

    bucket: str
    key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """One version of the definition."""

    name: str
    version: int
    role_arn: str
    stores: Mapping[str, Store]
    stages: tuple[Stage, ...]
    variables: Mapping[str, str]

    @property
    def source(self) -> tuple[Action, ...]:
        """The source actions."""
        return self.stages[0].actions


def read(client: Any, *, name: str, region: str) -> Pipeline:
    """The answer of GetPipeline, with the pipeline's own region where an action names none."""
    answer = client.get_pipeline(name=name)["pipeline"]
    stores = answer.get("artifactStores") or {region: answer["artifactStore"]}
    return Pipeline(
        name=answer["name"],
        version=answer["version"],
        role_arn=answer["roleArn"],
        stores={name: _store(store) for name, store in stores.items()},
        stages=tuple(_stage(stage, region=region) for stage in answer["stages"]),
        variables={each["name"]: each.get("defaultValue", "") for each in answer.get("variables", [])},
    )


def _store(store: Mapping[str, Any]) -> Store:
    return Store(bucket=store["location"], key=store.get("encryptionKey", {}).get("id"))


def _stage(stage: Mapping[str, Any], *, region: str) -> Stage:
    actions = [_action(action, stage=stage["name"], region=region) for action in stage["actions"]]
    return Stage(
        name=stage["name"],
        actions=tuple(sorted(actions, key=lambda action: action.run_order)),
        conditions=conditions.read(stage, region=region),
    )


def _action(action: Mapping[str, Any], *, stage: str, region: str) -> Action:
    return Action(
        stage=stage,
        name=action["name"],
        category=action["actionTypeId"]["category"],
        provider=action["actionTypeId"]["provider"],
        run_order=action["runOrder"],
        configuration=action.get("configuration", {}),
        inputs=tuple(artifact["name"] for artifact in action.get("inputArtifacts", [])),
        outputs=tuple(artifact["name"] for artifact in action.get("outputArtifacts", [])),
        region=action.get("region", region),
        role_arn=action.get("roleArn"),
        namespace=action.get("namespace"),
    )
