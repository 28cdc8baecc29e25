"""SNS: the topic attributes that ministack's CloudFormation ignores."""

from cdk_rehearsal.emulator.server.resource_types import Attributes, Completion, Properties, api

_ATTRIBUTES = ("KmsMasterKeyId", "SignatureVersion", "TracingConfig")


def _apply_attributes(topic: str, old: Properties, new: Properties) -> Attributes:
    for name in _ATTRIBUTES:
        if new.get(name) != old.get(name):
            value = new.get(name, "")
            api("sns").set_topic_attributes(TopicArn=topic, AttributeName=name, AttributeValue=value)
    return {}


COMPLETIONS = {"AWS::SNS::Topic": Completion(apply=_apply_attributes)}
