"""What an app needs and a rehearsal lacks: reported before the deployment, or replaced by a placeholder."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from cdk_rehearsal import actions
from cdk_rehearsal.assembly import PIPELINE, Environment, Stack, resource_types
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.emulator.process import NOT_SUPPORTED, Coverage

_SECRET = re.compile(r"\{\{resolve:secretsmanager:(?P<id>[^:{}\s\"]+):SecretString:(?P<key>[^:{}\"]*)")
_VALUE = "rehearsal"


def missing(stacks: Iterable[Stack], *, coverage: Coverage) -> list[str]:
    """One sentence for each thing that the delivery needs and a rehearsal does not have."""
    found: list[str] = []
    for stack in stacks:
        for name in sorted(resource_types(stack)):
            if coverage[name].kind == NOT_SUPPORTED:
                found.append(
                    f"Stack {stack.id} declares an {name}, which the emulator does not know: it will refuse it."
                )
        found += _unknown_actions(stack)
        found += [
            f"Stack {stack.id} has the Docker image asset {name}, and a rehearsal has no container engine to build it."
            for name in _images(stack)
        ]
    return list(dict.fromkeys(found))


def _unknown_actions(stack: Stack) -> Iterator[str]:
    template: dict[str, Any] = json.loads(stack.template.read_text(encoding="utf-8"))
    for resource in template.get("Resources", {}).values():
        if resource["Type"] != PIPELINE:
            continue
        for stage in resource["Properties"]["Stages"]:
            for action in stage["Actions"]:
                kind = action["ActionTypeId"]
                if (kind["Category"], kind["Provider"]) not in actions.PROVIDERS:
                    yield (
                        f"Action {stage['Name']} / {action['Name']} is a {kind['Category']} action of "
                        f"{kind['Provider']}, which a rehearsal does not know: it will fail there."
                    )


def _images(stack: Stack) -> list[str]:
    file = stack.template.parent / stack.template.name.replace(".template.json", ".assets.json")
    images: dict[str, Any] = json.loads(file.read_text()).get("dockerImages", {}) if file.is_file() else {}
    return [image.get("displayName") or name[:12] for name, image in images.items()]


def create_secrets(stacks: Iterable[Stack], *, emulator: Emulator) -> list[str]:
    """Create each missing secret that a template refers to by its name, such as a GitHub token; one sentence for each.

    On AWS the team creates it before the first deployment.
    """
    wanted: dict[tuple[str, Environment], set[str]] = {}  # the keys of each secret
    for stack in stacks:
        for reference in _SECRET.finditer(stack.template.read_text(encoding="utf-8")):
            wanted.setdefault((reference["id"], stack.environment), set()).add(reference["key"])
    created = []
    for (name, place), keys in wanted.items():
        client = emulator.client("secretsmanager", account=place.account, region=place.region)
        if not _exists(client, name):
            value = json.dumps(dict.fromkeys(sorted(keys), _VALUE)) if any(keys) else _VALUE
            client.create_secret(Name=name, SecretString=value)
            created.append(f"secret {name} does not exist in a rehearsal, and was created with a placeholder")
    return created


def _exists(client: Any, name: str) -> bool:
    try:
        client.describe_secret(SecretId=name)
    except ClientError:
        return False
    return True
