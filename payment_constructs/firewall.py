"""Web application firewall (PCI DSS 6.4.2): every rule blocks, and every request is logged."""

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import aws_kms as kms
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from payment_constructs.logs import LogGroup

MANAGED_RULES = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesSQLiRuleSet",
)
LARGE_BODY = ("AWSManagedRulesCommonRuleSet", "SizeRestrictions_BODY")
"""The managed rule that blocks a body that the firewall cannot inspect to its end."""
INSPECTED_BYTES = 8192
"""Of a body, behind a load balancer; AWS offers no other value:
https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-setting-body-inspection-limit.html
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallLimits:
    """What the firewall admits."""

    requests_per_5_minutes: int = 20_000
    """Per source address. A merchant's backend sends all its payments from one, behind NAT: 67 a second pass."""
    body_bytes: int = INSPECTED_BYTES
    """The longest body. 0: any length passes, and what follows the first 8,192 bytes is not inspected."""

    def faults(self) -> Iterator[str]:
        """Yields a sentence for each invalid field."""
        # https://docs.aws.amazon.com/waf/latest/APIReference/API_RateBasedStatement.html
        if not 10 <= self.requests_per_5_minutes <= 2_000_000_000:  # noqa: PLR2004
            yield f"requests_per_5_minutes is {self.requests_per_5_minutes}: give 10 to 2,000,000,000."
        if not 0 <= self.body_bytes <= INSPECTED_BYTES:
            yield f"body_bytes is {self.body_bytes}: give 1 to {INSPECTED_BYTES:,}, or 0 for bodies of any length."


DEFAULT_LIMITS = FirewallLimits()


class Firewall(Construct):
    """Web ACL for a load balancer, with its log."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        resource_arn: str,
        limits: FirewallLimits,
        log_key: kms.IKey,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        count = wafv2.CfnWebACL.RuleActionProperty(count={})
        any_body = wafv2.CfnWebACL.RuleActionOverrideProperty(name=LARGE_BODY[1], action_to_use=count)
        managed = [
            wafv2.CfnWebACL.RuleProperty(
                name=rule_set,
                priority=priority,
                statement=wafv2.CfnWebACL.StatementProperty(
                    managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                        vendor_name="AWS",
                        name=rule_set,
                        rule_action_overrides=(
                            [any_body] if not limits.body_bytes and rule_set == LARGE_BODY[0] else None
                        ),
                    )
                ),
                override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
                visibility_config=_visibility(rule_set),
            )
            for priority, rule_set in enumerate(MANAGED_RULES)
        ]
        rate = wafv2.CfnWebACL.RuleProperty(
            name="RateLimit",
            priority=len(managed),
            statement=wafv2.CfnWebACL.StatementProperty(
                rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                    aggregate_key_type="IP", limit=limits.requests_per_5_minutes
                )
            ),
            action=wafv2.CfnWebACL.RuleActionProperty(block={}),
            visibility_config=_visibility("RateLimit"),
        )
        acl = wafv2.CfnWebACL(
            self,
            "WebAcl",
            name=name,
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            rules=[*managed, rate, *_body_limit(limits.body_bytes, priority=len(managed) + 1)],
            visibility_config=_visibility(name),
        )
        wafv2.CfnWebACLAssociation(self, "Association", resource_arn=resource_arn, web_acl_arn=acl.attr_arn)
        # WAF requires this prefix of a log group's name.
        log_group = LogGroup(self, "Log", log_group_name=f"aws-waf-logs-{name}", key=log_key, retain=retain)
        wafv2.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[log_group.log_group_arn],
            # Headers that may carry a session or card data are never logged (PCI DSS 3.3, 8.3.2).
            redacted_fields=[
                wafv2.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": header})
                for header in ("authorization", "cookie")
            ],
        )


def _body_limit(most: int, *, priority: int) -> Iterator[wafv2.CfnWebACL.RuleProperty]:
    """The rule of a limit below that of the managed rules."""
    if not 0 < most < INSPECTED_BYTES:
        return
    yield wafv2.CfnWebACL.RuleProperty(
        name="BodySize",
        priority=priority,
        statement=wafv2.CfnWebACL.StatementProperty(
            size_constraint_statement=wafv2.CfnWebACL.SizeConstraintStatementProperty(
                comparison_operator="GT",
                size=most,
                field_to_match=wafv2.CfnWebACL.FieldToMatchProperty(
                    body=wafv2.CfnWebACL.BodyProperty(oversize_handling="MATCH")
                ),
                text_transformations=[wafv2.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")],
            )
        ),
        action=wafv2.CfnWebACL.RuleActionProperty(block={}),
        visibility_config=_visibility("BodySize"),
    )


def _visibility(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
