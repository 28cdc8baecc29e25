"""Web application firewall (PCI DSS 6.4.2): every rule blocks, and every request is logged."""

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
REQUESTS_PER_5_MINUTES = 2000
"""Limit per source address, above what a customer sends."""


class Firewall(Construct):
    """Web ACL for a load balancer, with its log."""

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, resource_arn: str, log_key: kms.IKey, retain: bool
    ) -> None:
        super().__init__(scope, construct_id)
        managed = [
            wafv2.CfnWebACL.RuleProperty(
                name=rule_set,
                priority=priority,
                statement=wafv2.CfnWebACL.StatementProperty(
                    managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                        vendor_name="AWS", name=rule_set
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
                    aggregate_key_type="IP", limit=REQUESTS_PER_5_MINUTES
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
            rules=[*managed, rate],
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


def _visibility(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
