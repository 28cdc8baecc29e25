"""The environments of a cloud assembly, standing on the emulator; no pipeline has delivered them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_rehearsal import assembly
from cdk_rehearsal.actions.cloudformation import settled
from cdk_rehearsal.assembly import Environment, Stack
from cdk_rehearsal.console import Step
from cdk_rehearsal.emulator import Emulator
from tools.drill.data import Kind
from tools.drill.names import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What happenings act on and findings look at.

    Args:
        emulator: Whose region fails.
        names: What things are called.
        kinds: The data that is written and looked for.
    """

    emulator: Emulator
    names: Names
    kinds: Mapping[str, Kind]

    def here(self, service: str) -> Any:
        """A client of the primary region."""
        return self.at(service, region=self.names.primary)

    def there(self, service: str) -> Any:
        """A client of the DR region."""
        return self.at(service, region=self.names.recovery)

    def at(self, service: str, *, region: str) -> Any:
        """A client of the drilled account."""
        return self.emulator.client(service, account=self.names.account, region=region)


_VERSION = "/cdk-bootstrap/hnb659fds/version"


class Platform:
    """What the stages of an assembly deploy.

    Args:
        emulator: Where it stands.
        directory: The cloud assembly.
    """

    def __init__(self, *, emulator: Emulator, directory: Path) -> None:
        self.emulator = emulator
        self._stacks = [stack for stack in assembly.stacks(directory) if "/" in stack.id]

    def deploy(self, *, step: Step) -> None:
        """Deploy every stack, in order; each environment looks at the one before it."""
        for stack in self._stacks:
            self.deploy_stack(stack, step=step)
        step.note = f"{len(self._stacks)} stacks"

    def deploy_stack(self, stack: Stack, *, step: Step) -> None:
        """Deploy one stack, with its tags."""
        step.watch(stack.name)
        place = stack.environment
        ssm, s3, cloudformation = (self.client(service, place) for service in ("ssm", "s3", "cloudformation"))
        # All that a template asks of `cdk bootstrap`; where that was carried out, it stands.
        if not ssm.get_parameters(Names=[_VERSION])["Parameters"]:
            ssm.put_parameter(Name=_VERSION, Value="30", Type="String")
        bucket = f"template-{stack.name.lower()}"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": place.region})
        s3.put_object(Bucket=bucket, Key=stack.name, Body=stack.template.read_bytes())
        created = cloudformation.create_stack(
            StackName=stack.name,
            TemplateURL=f"{self.emulator.endpoint}/{bucket}/{stack.name}",
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": key, "Value": value} for key, value in _tags(stack).items()],
        )
        settled(cloudformation, created["StackId"], before=set(), watch=step.watch)
        s3.delete_object(Bucket=bucket, Key=stack.name)
        s3.delete_bucket(Bucket=bucket)

    def client(self, service: str, place: Environment) -> Any:
        """A client of one environment's account and region."""
        return self.emulator.client(service, account=place.account, region=place.region)


def _tags(stack: Stack) -> dict[str, str]:
    manifest = json.loads((stack.template.parent / "manifest.json").read_text(encoding="utf-8"))
    properties: dict[str, Any] = next(
        artifact["properties"]
        for artifact in manifest["artifacts"].values()
        if artifact.get("properties", {}).get("templateFile") == stack.template.name
    )
    return dict(properties.get("tags", {}))
