"""docs/*.svg show what is synthesized; a change of the architecture that they do not show is a fault."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.templates import Assembly
from tools.pictures.assembly import read_stacks
from tools.pictures.picture import PICTURES, faults, read, svg

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {}, "Metadata": {"aws:cdk:path": "PipelineStack/Prod/Payment/New"}}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_the_live_settings(live_assembly: Assembly, name: str) -> None:
    fields, facts = read(name, read_stacks(live_assembly.directory))
    if found := list(faults(name, fields, facts)):
        pytest.skip(f"cdk.json has another shape than the picture: redraw tools/pictures/{name}.svg. {found[0]}")
    current = svg(name, fields)
    assert Path(f"docs/{name}.svg").read_text("utf-8") == current, f"run `make pictures` and commit docs/{name}.svg"


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_what_is_synthesized(assembly: Assembly, name: str) -> None:
    fields, facts = read(name, read_stacks(assembly.directory))
    assert list(faults(name, fields, facts)) == []
    assert len(list(faults(name, {"new": "1"}, facts))) == len(fields) + 1, "every unmatched field is a fault"


@pytest.mark.parametrize(
    ("name", "stack", "removed", "fault"),
    [
        ("delivery", "PipelineStack", "BeforeEntry", "draws Prod/BeforeEntry/DeploymentWindow/FAIL"),
        ("delivery", "PipelineStack", "RoleArn", "does not draw Prod/4/Payment.Prepare/CloudFormation@Tooling"),
        ("platform", "Prod-Payment", "CopyActions", "draws replica:Payment/Data/BackupVault"),
        ("platform", "Prod-Payment", "ManagedPolicyArns", "draws used:Payment/Data/Processing/Queue"),
        ("platform", "Prod-Payment", "Replicas", "does not draw no-replica:Payment/Data/Sessions/Table"),
        ("platform", "Prod-Payment", "ReplicationConfiguration", "draws replica:Payment/Data/AuditLog/Bucket"),
    ],
)
def test_a_changed_architecture_is_a_fault(assembly: Assembly, name: str, stack: str, removed: str, fault: str) -> None:
    stacks = read_stacks(assembly.directory)
    text = json.dumps(stacks[stack].resources)
    changed = json.loads(text, object_hook=lambda each: {key: each[key] for key in each if key != removed})
    found = faults(name, *read(name, {**stacks, stack: replace(stacks[stack], resources=changed)}))
    assert any(fault in each for each in found)


def test_a_new_store_is_named_below_the_platform_until_it_is_drawn(assembly: Assembly) -> None:
    stacks = read_stacks(assembly.directory)
    with_queue = replace(stacks["Prod-Payment"], resources={**stacks["Prod-Payment"].resources, "New": QUEUE})
    fields, facts = read("platform", {**stacks, "Prod-Payment": with_queue})
    assert "Payment/New" in fields["others"].split(", ")
    assert list(faults("platform", fields, facts)) == []
