"""What security groups let in from the internet, and out to it."""

from collections.abc import Iterator

from pipeline.rules.reference import referent
from pipeline.rules.resource import Finding
from pipeline.rules.rule import Rule
from pipeline.rules.template import Template
from pipeline.rules.traffic import EGRESS, GROUP, INGRESS, Traffic, is_the_internet, network, traffic

HTTPS = 443
LAST_PORT = 65535


def _judge_egress(template: Template) -> Iterator[Finding]:
    ruled_apart = [referent(template, rule.at("GroupId")) for rule in template.of_type(EGRESS)]
    for group in template.of_type(GROUP):
        # EC2 makes a group with a rule that lets everything out, and CloudFormation takes it away with the first rule
        # that a template gives the group, in the group or apart from it: https://github.com/aws/aws-cdk/pull/998
        if group.at("SecurityGroupEgress") in (None, []) and (template, group) not in ruled_apart:
            yield group.finding("SecurityGroupEgress")
    for rule in traffic(template, inward=False):
        if not _names_its_traffic(rule):
            yield from _open_to_the_internet(template, rule)


def _judge_ingress(template: Template) -> Iterator[Finding]:
    for rule in traffic(template, inward=True):
        if not (rule.at("IpProtocol") in ("tcp", "6") and rule.at("FromPort") == rule.at("ToPort") == HTTPS):
            yield from _open_to_the_internet(template, rule)


def _names_its_traffic(rule: Traffic) -> bool:
    """Whether a rule is about one protocol and fewer ports than all."""
    first, last = rule.at("FromPort"), rule.at("ToPort")
    return (
        isinstance(rule.at("IpProtocol"), str)
        and rule.at("IpProtocol") != "-1"
        and isinstance(first, int)
        and isinstance(last, int)
        and not (first <= 1 and last in (-1, LAST_PORT))
    )


def _open_to_the_internet(template: Template, rule: Traffic) -> Iterator[Finding]:
    for name in rule.cidrs():
        addresses = network(template, rule.at(name))
        if addresses is None or is_the_internet(addresses):
            yield rule.resource.finding(*rule.path, name)


EGRESS_NAMED = Rule(
    id="PCI-1.3.2-EgressNamed",
    requirements=("1.2.5", "1.3.2"),
    asks="No security group lets everything out: a rule to the internet names a protocol and its ports.",
    remedy="Make the group with allow_all_outbound=False, and name each port that it reaches.",
    types=(GROUP, EGRESS),
    judge=_judge_egress,
)
INGRESS_NAMED = Rule(
    id="PCI-1.3.1-IngressNamed",
    requirements=("1.2.5", "1.3.1", "1.4.2"),
    asks="No security group admits the internet but on port 443.",
    remedy="Name the group or the network that is admitted.",
    types=(GROUP, INGRESS),
    judge=_judge_ingress,
)
