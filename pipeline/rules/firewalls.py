"""Web application firewalls: in front of every public load balancer, and blocking."""

from collections.abc import Iterator

from pipeline.rules.resource import Finding, Path, Resource, is_intrinsic
from pipeline.rules.rule import Rule
from pipeline.rules.template import Template

LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
WEB_ACL = "AWS::WAFv2::WebACL"
ASSOCIATION = "AWS::WAFv2::WebACLAssociation"
RULE_GROUP = "AWS::WAFv2::RuleGroup"

STOPPING = frozenset({"Block", "Captcha", "Challenge"})
"""The actions that keep a request from going on unexamined; Count only looks, and Allow skips the rules after it."""

GROUP_STATEMENTS = ("ManagedRuleGroupStatement", "RuleGroupReferenceStatement")


def _judge_association(template: Template) -> Iterator[Finding]:
    protected = {
        _name(association.at("ResourceArn"))
        for association in template.of_type(ASSOCIATION)
        # An ACL from elsewhere cannot be judged.
        if _name(association.at("WebACLArn")) in {acl.logical_id for acl in template.of_type(WEB_ACL)}
    }
    for balancer in template.of_type(LOAD_BALANCER):
        # Facing the internet is the default.
        if balancer.at("Scheme") != "internal" and balancer.logical_id not in protected:
            yield Finding(logical_id=balancer.logical_id, location=f"{ASSOCIATION}.ResourceArn", value=None)


def _name(arn: object) -> str | None:
    match arn:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), "Arn" | "LoadBalancerArn"]}:
            return name
        case _:
            return None


def _judge_actions(template: Template) -> Iterator[Finding]:
    for acl in template.of_type(WEB_ACL, RULE_GROUP):
        rules = list(acl.each("Rules"))
        if not rules:
            yield acl.finding("Rules")
        for rule in rules:
            yield from _judge_rule(acl, rule)


def _judge_rule(acl: Resource, rule: Path) -> Iterator[Finding]:
    statement = acl.at(*rule, "Statement")
    if is_intrinsic(acl.at(*rule)) or is_intrinsic(statement):
        yield acl.finding(*rule)
        return
    groups = [
        (*rule, "Statement", kind) for kind in GROUP_STATEMENTS if isinstance(statement, dict) and kind in statement
    ]
    # A rule of one's own acts; a group's rules act by themselves, unless they are overridden.
    deciding, allowed = ("OverrideAction", frozenset({"None"})) if groups else ("Action", STOPPING)
    if not _is_one_of(allowed, acl.at(*rule, deciding)):
        yield acl.finding(*rule, deciding)
    for group in groups:
        # The former way to say Count.
        if acl.at(*group, "ExcludedRules"):
            yield acl.finding(*group, "ExcludedRules")
        for override in acl.each(*group, "RuleActionOverrides"):
            if not _is_one_of(STOPPING, acl.at(*override, "ActionToUse")):
                yield acl.finding(*override, "ActionToUse")


def _is_one_of(kinds: frozenset[str], action: object) -> bool:
    return isinstance(action, dict) and len(action) == 1 and set(action) <= kinds


FIREWALL_ASSOCIATED = Rule(
    id="PCI-6.4.2-FirewallAssociated",
    requirements=("6.4.2",),
    asks="A web application firewall of the same stack stands in front of every load balancer that faces the internet.",
    remedy="Associate a web ACL of this stack with the load balancer, or make it internal.",
    types=(LOAD_BALANCER,),
    judge=_judge_association,
)
FIREWALL_BLOCKS = Rule(
    id="PCI-6.4.2-FirewallBlocks",
    requirements=("6.4.2",),
    asks="Every rule of a web application firewall stops what it matches; none only counts, and none lets pass.",
    remedy="Give the rule the action Block, a rule group the override action None, and remove overrides to Count.",
    types=(WEB_ACL, RULE_GROUP),
    judge=_judge_actions,
)
