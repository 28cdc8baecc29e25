"""What an app needs and a rehearsal lacks is named before the deployment, one sentence each."""

import json
from pathlib import Path
from typing import Any

import pytest

from cdk_rehearsal import DeliveryError, Emulator, Environment, Stack, needs, pipeline_stack

PLACE = Environment(account="600000000010", region="eu-west-1")
PIPELINE = "AWS::CodePipeline::Pipeline"


def stack(directory: Path, name: str, *types: str, stages: Any = (), **properties: Any) -> Stack:
    resources = {f"R{number}": {"Type": kind, "Properties": properties} for number, kind in enumerate(types)}
    if PIPELINE in types:
        resources[f"R{types.index(PIPELINE)}"]["Properties"] = {"Stages": list(stages)}
    template = directory / f"{name}.template.json"
    template.write_text(json.dumps({"Resources": resources}))
    return Stack(id=name, name=name, environment=PLACE, template=template, qualifier="hnb659fds")


def test_the_only_stack_with_a_pipeline_is_found(tmp_path: Path) -> None:
    stacks = [stack(tmp_path, "Data", "AWS::SQS::Queue"), stack(tmp_path, "Delivery", PIPELINE)]
    assert pipeline_stack(stacks).id == "Delivery"


def test_several_stacks_with_a_pipeline_are_named_with_the_key_to_set(tmp_path: Path) -> None:
    stacks = [stack(tmp_path, name, PIPELINE) for name in ("One", "Two")]
    with pytest.raises(DeliveryError, match=r"2 stacks declare a pipeline \(One, Two\): set `pipeline-stack`"):
        pipeline_stack(stacks)
    assert pipeline_stack(stacks, construct_id="Two").id == "Two"


def test_unknown_types_providers_and_images_are_named(tmp_path: Path, emulator: Emulator) -> None:
    unknown = {"Name": "Build", "ActionTypeId": {"Category": "Build", "Provider": "Jenkins"}}
    delivery = stack(tmp_path, "Delivery", PIPELINE, stages=[{"Name": "Check", "Actions": [unknown]}])
    things = stack(tmp_path, "Things", "AWS::Imaginary::Thing")
    images = {"dockerImages": {"a1b2": {"displayName": "Server Image"}}}
    (tmp_path / "Things.assets.json").write_text(json.dumps(images))
    assert needs.missing([delivery, things], coverage=emulator.coverage()) == [
        "Action Check / Build is a Build action of Jenkins, which a rehearsal does not know: it will fail there.",
        "Stack Things declares an AWS::Imaginary::Thing, which the emulator does not know: it will refuse it.",
        "Stack Things has the Docker image asset Server Image, and a rehearsal has no container engine to build it.",
    ]


def test_missing_secrets_get_placeholders_and_existing_ones_stay(tmp_path: Path, emulator: Emulator) -> None:
    manager = emulator.client("secretsmanager", account=PLACE.account, region=PLACE.region)
    manager.create_secret(Name="existing", SecretString="real")  # pragma: allowlist secret
    tokens = {
        "Token": "{{resolve:secretsmanager:token:SecretString:::}}",
        "User": "{{resolve:secretsmanager:login:SecretString:user::}}",
        "Password": "{{resolve:secretsmanager:login:SecretString:password::}}",
        "Other": "{{resolve:secretsmanager:existing:SecretString:::}}",
    }
    created = needs.create_secrets([stack(tmp_path, "Data", "AWS::SQS::Queue", **tokens)], emulator=emulator)
    assert [line.split()[1] for line in created] == ["token", "login"]
    values = {name: manager.get_secret_value(SecretId=name)["SecretString"] for name in ("token", "login", "existing")}
    assert (values["token"], values["existing"]) == ("rehearsal", "real")
    assert set(json.loads(values["login"])) == {"user", "password"}
