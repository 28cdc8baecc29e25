"""Environments stay apart: a later one admits nobody of an earlier one, an earlier one reaches for no later one."""

from collections.abc import Iterator

from pipeline.rules.reference import referent
from pipeline.rules.resource import Finding
from pipeline.rules.rule import Rule
from pipeline.rules.template import Template
from pipeline.rules.traffic import EGRESS, GROUP, INGRESS, Traffic, is_the_internet, network, traffic
from stages.environment import Environment


def _judge(template: Template) -> Iterator[Finding]:
    for rule in traffic(template, inward=True):
        admitting = template if rule.own else _holder(template, rule.at("GroupId"))
        if admitting is None:
            yield rule.resource.finding("GroupId")
        elif earlier := _earlier(admitting):
            yield from _named_networks(template, rule, earlier)
            yield from _named_groups(template, rule, earlier)
    for rule in traffic(template, inward=False):
        if later := _later(template):
            yield from _named_networks(template, rule, later)


def _earlier(template: Template) -> tuple[Environment, ...]:
    # The delivery's own stacks admit no environment at all.
    environment, order = template.environment, template.environments
    return order[: order.index(environment)] if environment else order


def _later(template: Template) -> tuple[Environment, ...]:
    environment, order = template.environment, template.environments
    return order[order.index(environment) + 1 :] if environment else order


def _named_networks(template: Template, rule: Traffic, others: tuple[Environment, ...]) -> Iterator[Finding]:
    for name in rule.cidrs():
        addresses = network(template, rule.at(name))
        # The internet is every network's; whether it may be named is another rule's.
        if addresses is None or (
            not is_the_internet(addresses)
            and any(addresses.overlaps(theirs) for other in others for theirs in other.networks().values())
        ):
            yield rule.resource.finding(*rule.path, name)


def _named_groups(template: Template, rule: Traffic, earlier: tuple[Environment, ...]) -> Iterator[Finding]:
    if rule.at("SourceSecurityGroupId") is not None:
        holder = _holder(template, rule.at("SourceSecurityGroupId"))
        if holder is None or holder.environment in earlier:
            yield rule.resource.finding(*rule.path, "SourceSecurityGroupId")
    # Nobody can tell from a template who stands in a prefix list, or behind a name.
    for name in ("SourcePrefixListId", "SourceSecurityGroupName"):
        if rule.at(name) is not None:
            yield rule.resource.finding(*rule.path, name)


def _holder(template: Template, group: object) -> Template | None:
    """The template that a group stands in."""
    found = referent(template, group)
    return found[0] if found else None


ENVIRONMENTS_APART = Rule(
    id="PCI-6.5.3-EnvironmentsApart",
    requirements=("1.3.1", "1.3.2", "6.5.3"),
    asks="No security group of an environment admits an earlier environment or reaches for a later one.",
    remedy="Admit by groups of the same environment; let only the later environment connect to the earlier one.",
    types=(GROUP, INGRESS, EGRESS),
    judge=_judge,
)
