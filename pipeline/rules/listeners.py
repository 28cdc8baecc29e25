"""What load balancers listen to: TLS 1.2 or better with forward secrecy, and no plain HTTP but to lead away from it."""

from collections.abc import Iterator

from pipeline.rules.resource import Finding, Path, Resource
from pipeline.rules.rule import Rule
from pipeline.rules.template import Template

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
    paths: list[Path] = list(resource.each(actions))
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
