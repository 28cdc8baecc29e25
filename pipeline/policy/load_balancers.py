"""Rules for load balancers: TLS listeners, and a web application firewall that blocks."""

from collections.abc import Iterator

from pipeline.policy.rule import policy_rule
from pipeline.policy.template import Finding, Resource, Template, is_intrinsic, resolve

LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
LISTENER_RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
CLASSIC = "AWS::ElasticLoadBalancing::LoadBalancer"
LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
WEB_ACL = "AWS::WAFv2::WebACL"
ASSOCIATION = "AWS::WAFv2::WebACLAssociation"
RULE_GROUP = "AWS::WAFv2::RuleGroup"

TLS_POLICIES = tuple(
    f"ELBSecurityPolicy-TLS13-{version}-{variant}"
    for version in ("1-2-Res", "1-3")
    for variant in ("2021-06", "FIPS-2023-04", "PQ-2025-09", "FIPS-PQ-2025-09")
)
"""TLS 1.3, and 1.2 only with ECDHE and AEAD ciphers ("Res"):
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
"""

BLOCKING_ACTIONS = frozenset({"Block", "Captcha", "Challenge"})
"""The actions that stop a request. Count only counts it; Allow skips the later rules."""

GROUP_STATEMENTS = ("ManagedRuleGroupStatement", "RuleGroupReferenceStatement")


@policy_rule(
    "PCI-4.2.1-TlsListeners",
    description="A load balancer listens with a strong TLS policy; plain HTTP only redirects to HTTPS.",
    fix="Use HTTPS with ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09, or remove the listener.",
    types=(LISTENER, LISTENER_RULE, CLASSIC),
)
def _check_listeners(template: Template) -> Iterator[Finding]:
    for balancer in template.of_type(CLASSIC):
        # It has no TLS 1.3, whatever its policy.
        yield balancer.finding("Listeners")
    for listener in template.of_type(LISTENER):
        match listener.at("Protocol"):
            case "HTTPS" | "TLS":
                if listener.at("SslPolicy") not in TLS_POLICIES:
                    yield listener.finding("SslPolicy")
            case "HTTP":
                yield from _check_redirects(listener, "DefaultActions")
            case _:
                yield listener.finding("Protocol")
    for rule in template.of_type(LISTENER_RULE):
        found = resolve(template, rule.at("ListenerArn"))
        if found is None or found[1].at("Protocol") not in ("HTTPS", "TLS"):
            yield from _check_redirects(rule, "Actions")


def _check_redirects(resource: Resource, actions: str) -> Iterator[Finding]:
    if not resource.at(actions):
        yield resource.finding(actions)
    for action in resource.items(actions):
        if action.at("Type") != "redirect":
            yield action.finding("Type")
        elif action.at("RedirectConfig", "Protocol") != "HTTPS":
            yield action.finding("RedirectConfig", "Protocol")


@policy_rule(
    "PCI-6.4.2-FirewallAssociated",
    description="Every internet-facing load balancer has a web application firewall of the same stack.",
    fix="Associate a web ACL of this stack with the load balancer, or make the load balancer internal.",
    types=(LOAD_BALANCER,),
)
def _check_association(template: Template) -> Iterator[Finding]:
    acls = [(template, acl) for acl in template.of_type(WEB_ACL)]
    protected = [
        resolve(template, association.at("ResourceArn"))
        for association in template.of_type(ASSOCIATION)
        if resolve(template, association.at("WebACLArn")) in acls
    ]
    for balancer in template.of_type(LOAD_BALANCER):
        # The default scheme is internet-facing.
        if balancer.at("Scheme") != "internal" and (template, balancer) not in protected:
            yield Finding(logical_id=balancer.logical_id, location=f"{ASSOCIATION}.ResourceArn", value=None)


@policy_rule(
    "PCI-6.4.2-FirewallBlocks",
    description="Every rule of a web application firewall blocks what it matches; only the limit of bodies may count.",
    fix="Set the rule's action to Block, or a rule group's override action to None; remove overrides to Count.",
    types=(WEB_ACL, RULE_GROUP),
)
def _check_firewall_rules(template: Template) -> Iterator[Finding]:
    for acl in template.of_type(WEB_ACL, RULE_GROUP):
        if not acl.at("Rules"):
            yield acl.finding("Rules")
        for rule in acl.items("Rules"):
            yield from _check_firewall_rule(rule)


def _check_firewall_rule(rule: Resource) -> Iterator[Finding]:
    if is_intrinsic(rule.at()) or is_intrinsic(rule.at("Statement")):
        yield rule.finding()
        return
    groups = [kind for kind in GROUP_STATEMENTS if rule.at("Statement", kind) is not None]
    # A single rule has an action. The rules of a group have actions of their own, unless they are overridden.
    name, allowed = ("OverrideAction", frozenset({"None"})) if groups else ("Action", BLOCKING_ACTIONS)
    if not _is_one_of(allowed, rule.at(name)):
        yield rule.finding(name)
    for group in groups:
        # The older form of an override to Count.
        if rule.at("Statement", group, "ExcludedRules"):
            yield rule.finding("Statement", group, "ExcludedRules")
        for override in rule.items("Statement", group, "RuleActionOverrides"):
            # It says nothing about the request: the other rules inspect the first 8 KB of a body that it lets pass.
            counts = frozenset({"Count"} if override.at("Name") == "SizeRestrictions_BODY" else ())
            if not _is_one_of(BLOCKING_ACTIONS | counts, override.at("ActionToUse")):
                yield override.finding("ActionToUse")


def _is_one_of(kinds: frozenset[str], action: object) -> bool:
    return isinstance(action, dict) and len(action) == 1 and set(action) <= kinds
