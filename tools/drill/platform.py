"""The environments of a cloud assembly, deployed on the emulator without the pipeline."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cdk_rehearsal
from cdk_rehearsal import Emulator, Environment, Stack, Step, settled
from tools.drill.assets import publish
from tools.drill.data import Kind
from tools.drill.database import Payments
from tools.drill.names import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the scenario acts on and the checks read: the drilled account, its names and its data."""

    emulator: Emulator
    names: Names
    kinds: Mapping[str, Kind]  # the payments are one of them
    payments: Payments

    def here(self, service: str) -> Any:
        """A client of the primary region."""
        return self.at(service, region=self.names.primary)

    def there(self, service: str) -> Any:
        """A client of the DR region."""
        return self.at(service, region=self.names.recovery)

    def at(self, service: str, *, region: str) -> Any:
        """A client of a region of the drilled account."""
        return self.emulator.client(service, account=self.names.account, region=region)


_VERSION = "/cdk-bootstrap/hnb659fds/version"


def deploy(
    directory: Path, *, emulator: Emulator, step: Step, ready: Callable[[str], object] = lambda _account: None
) -> None:
    """Deploy the stacks of every stage of a cloud assembly, in order: each environment peers with the one before it.

    `ready` is called with the account before each, and waits for its bootstrap, if there is one.
    """
    stacks = [stack for stack in cdk_rehearsal.stacks(directory) if "/" in stack.id]
    for stack in stacks:
        ready(stack.environment.account)
        publish(stack, emulator=emulator)
        deploy_stack(stack, emulator=emulator, step=step)
    step.note = f"{len(stacks)} stacks"


def deploy_permissions(template: Path, *, emulator: Emulator, environment: Environment, step: Step) -> None:
    """Deploy the boundary, which every role has, in an account that is not bootstrapped."""
    cloudformation = emulator.client("cloudformation", account=environment.account, region=environment.region)
    created = cloudformation.create_stack(
        StackName="payment-delivery-permissions",
        TemplateBody=template.read_text(encoding="utf-8"),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    settled(cloudformation, created["StackId"], before=set(), watch=step.watch)


def deploy_stack(stack: Stack, *, emulator: Emulator, step: Step) -> None:
    """Deploy one stack with its tags."""
    step.watch(stack.name)
    account, region = stack.environment.account, stack.environment.region
    ssm, s3, cloudformation = (
        emulator.client(service, account=account, region=region) for service in ("ssm", "s3", "cloudformation")
    )
    # All that a template needs of `cdk bootstrap`, which runs at the same time in the drilled account.
    if not ssm.get_parameters(Names=[_VERSION])["Parameters"]:
        ssm.put_parameter(Name=_VERSION, Value="30", Type="String")
    bucket = f"template-{stack.name.lower()}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    s3.put_object(Bucket=bucket, Key=stack.name, Body=stack.template.read_bytes())
    created = cloudformation.create_stack(
        StackName=stack.name,
        TemplateURL=f"{emulator.endpoint}/{bucket}/{stack.name}",
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": key, "Value": value} for key, value in _tags(stack).items()],
    )
    settled(cloudformation, created["StackId"], before=set(), watch=step.watch)
    s3.delete_object(Bucket=bucket, Key=stack.name)
    s3.delete_bucket(Bucket=bucket)


def _tags(stack: Stack) -> dict[str, str]:
    manifest = json.loads((stack.template.parent / "manifest.json").read_text(encoding="utf-8"))
    properties: dict[str, Any] = next(
        artifact["properties"]
        for artifact in manifest["artifacts"].values()
        if artifact.get("properties", {}).get("templateFile") == stack.template.name
    )
    return dict(properties.get("tags", {}))
