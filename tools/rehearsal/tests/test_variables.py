"""Pipeline variables between actions."""

import json

import pytest

from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.pipeline import resolve_all

KNOWN = {
    "Source@main": {"CommitMessage": 'Say "hello"'},
    "codepipeline": {"PipelineExecutionId": "42"},
}


def test_a_reference_becomes_its_value() -> None:
    resolved = resolve_all({"Name": "run-#{codepipeline.PipelineExecutionId}"}, KNOWN)
    assert resolved == {"Name": "run-42"}


def test_a_quote_in_a_commit_message_does_not_break_json() -> None:
    variables = [{"name": "MESSAGE", "value": "#{Source@main.CommitMessage}"}]
    resolved = resolve_all({"EnvironmentVariables": json.dumps(variables)}, KNOWN)
    assert json.loads(resolved["EnvironmentVariables"]) == [{"name": "MESSAGE", "value": 'Say "hello"'}]


@pytest.mark.parametrize("reference", ["#{Unknown.Name}", "#{codepipeline.Nothing}"])
def test_a_variable_without_a_value_fails(reference: str) -> None:
    with pytest.raises(DeliveryError, match="has no value"):
        resolve_all({"Name": reference}, KNOWN)
