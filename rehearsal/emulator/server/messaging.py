"""Topics: their encryption and the other attributes that the emulator's own handler drops."""

from rehearsal.emulator.server.api import api
from rehearsal.emulator.server.bridge import Attributes, Completion, Properties

_ATTRIBUTES = ("KmsMasterKeyId", "SignatureVersion", "TracingConfig")


def _apply(topic: str, old: Properties, new: Properties) -> Attributes:
    for name in _ATTRIBUTES:
        if new.get(name) != old.get(name):
            value = new.get(name, "")
            api("sns").set_topic_attributes(TopicArn=topic, AttributeName=name, AttributeValue=value)
    return {}


COMPLETIONS = {"AWS::SNS::Topic": Completion(apply=_apply)}
