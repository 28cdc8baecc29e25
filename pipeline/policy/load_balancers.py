"""Web application firewalls: in front of every public load balancer, and blocking."""

from collections.abc import Iterator

from pipeline.policy.template import Finding, PropertyPath, Resource, Rule, Template, is_intrinsic

LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
LISTENER_RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
CLASSIC = "AWS::ElasticLoadBalancing::LoadBalancer"

TLS_POLICIES = tuple(
    f"ELBSecurityPolicy-TLS13-{policy}"
    for policy in (
        "1-2-Res-2021-06",
        "1-2-Res-FIPS-2023-04",
        "1-2-Res-PQ-2025-09",
        "1-2-Res-FIPS-PQ-2025-09",
        "1-3-2021-06",
        "1-3-FIPS-2023-04",
        "1-3-PQ-2025-09",
        "1-3-FIPS-PQ-2025-09",
    )
)
"""TLS 1.3, and 1.2 with ECDHE and AEAD ciphers only ("Res"):
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
"""


def _judge(template: Template) -> Iterator[Finding]:
    for balancer in template.of_type(CLASSIC):
        # It knows no TLS 1.3, whatever its policy.
        yield balancer.finding("Listeners")
    for listener in template.of_type(LISTENER):
        match listener.at("Protocol"):
            case "HTTPS" | "TLS":
                if listener.at("SslPolicy") not in TLS_POLICIES:
                    yield listener.finding("SslPolicy")
            case "HTTP":
                yield from _not_leading_away(listener, "DefaultActions")
            case _:
                yield listener.finding("Protocol")
    for rule in template.of_type(LISTENER_RULE):
        if not _is_encrypted(template, rule.at("ListenerArn")):
            yield from _not_leading_away(rule, "Actions")


def _is_encrypted(template: Template, listener_arn: object) -> bool:
    match listener_arn:
        case {"Ref": str(name)} if name in template.resources:
            return template.resources[name].at("Protocol") in ("HTTPS", "TLS")
        case _:
            return False


def _not_leading_away(resource: Resource, actions: str) -> Iterator[Finding]:
    paths: list[PropertyPath] = list(resource.each(actions))
    if not paths:
        yield resource.finding(actions)
    for path in paths:
        if resource.at(*path, "Type") != "redirect":
            yield resource.finding(*path, "Type")
        elif resource.at(*path, "RedirectConfig", "Protocol") != "HTTPS":
            yield resource.finding(*path, "RedirectConfig", "Protocol")


TLS_LISTENERS = Rule(
    id="PCI-4.2.1-TlsListeners",
    requirements=("2.2.7", "4.2.1"),
    asks="A load balancer listens with a TLS policy that is known to be strong; plain HTTP may only redirect to HTTPS.",
    remedy="Listen with HTTPS and ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09, or remove the listener.",
    types=(LISTENER, LISTENER_RULE, CLASSIC),
    judge=_judge,
)


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


def _judge_rule(acl: Resource, rule: PropertyPath) -> Iterator[Finding]:
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
