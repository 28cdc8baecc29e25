"""A payment stack can be deployed while the DR region is lost: its template then needs nothing from there."""

import json
from typing import Any

from pipeline.dr_outage import foreign_outputs, parameters, resolved
from stages.environment import Environment
from tests.templates import Assembly

REGION = "ap-southeast-1"
KEY = "arn:aws:kms:us-west-2:444444444444:key/1"


def output(name: str, *, region: str = "us-west-2") -> dict[str, Any]:
    return {"Fn::GetStackOutput": {"StackName": "Prod-DisasterRecovery", "Region": region, "OutputName": name}}


WANTED = ("us-west-2", "Prod-DisasterRecovery", "Key")
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "KeyArn": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/payment/prod/key", "Value": output("Key")}},
        "Other": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/payment/prod/other", "Value": "text"}},
        "Table": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": {"Replicas": [{"Key": output("Key")}]}},
        "Peering": {"Type": "AWS::EC2::VPCPeeringConnection", "Properties": output("Vpc", region=REGION)},
    }
}


def test_only_outputs_of_another_region_need_a_value() -> None:
    assert foreign_outputs(TEMPLATE, region=REGION) == {WANTED}


def test_the_value_of_an_output_is_read_from_the_parameter_that_keeps_it() -> None:
    assert parameters(TEMPLATE) == {WANTED: "/payment/prod/key"}


def test_every_output_of_the_lost_region_is_replaced_and_nothing_else() -> None:
    found = resolved(TEMPLATE, {WANTED: KEY})
    assert foreign_outputs(found, region=REGION) == set()
    assert json.dumps(found) == json.dumps(TEMPLATE).replace(json.dumps(output("Key")), json.dumps(KEY))


def test_a_payment_template_keeps_each_output_of_the_dr_stack(assembly: Assembly, environment: Environment) -> None:
    template = assembly.template(f"{environment.name}-Payment")
    wanted = foreign_outputs(template, region=environment.primary_region)
    assert wanted
    assert wanted <= parameters(template).keys(), "keep it in a parameter of the payment stack, as imported_key does"
