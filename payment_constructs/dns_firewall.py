"""DNS Firewall: the list of domains whose names a VPC may resolve (PCI DSS 1.3.2)."""

import re
from collections.abc import Iterator, Sequence

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_route53resolver as resolver
from constructs import Construct

from payment_constructs.dns import HOST

DOMAIN = re.compile(rf"(\*\.)?{HOST.pattern}")

AWS_NAMES = (
    *("api.ecr.{}", "*.dkr.ecr.{}", "kms.{}", "logs.{}", "secretsmanager.{}", "sqs.{}", "ssm.{}"),
    *("dynamodb.{}", "*.ddb.{}", "s3.{}", "*.s3.{}", "*.{}.rds"),
)
"""Below amazonaws.com, with the region: the database, and the services that have an endpoint in the VPC.

SDKs call DynamoDB by a name of the account: https://docs.aws.amazon.com/sdkref/latest/guide/feature-account-endpoints.html
"""


def domain_faults(domains: object) -> Iterator[str]:
    """Yields a sentence for each invalid domain of the setting."""
    if not isinstance(domains, tuple):
        yield f"allowed_domains is {domains!r}: give a list of domains, such as api.example.com; empty for AWS only."
        return
    for index, domain in enumerate(domains):
        if not (isinstance(domain, str) and DOMAIN.fullmatch(domain)):
            yield f"allowed_domains[{index}] is {domain!r}: give a name such as api.example.com or *.example.com."
        elif domain in domains[:index]:
            yield f"allowed_domains[{index}] is {domain!r} for the second time: give it once."


class DnsFirewall(Construct):
    """DNS Firewall of a VPC: other names than AWS's own and those of the list do not exist.

    A list of networks in the service's security group would need the prefix lists of S3 and DynamoDB, whose ids only a
    look-up knows, and acquirers publish names. It sees names, not connections: an IP address, a name that another
    resolver answers over HTTPS, and every other host behind an allowed name can still be reached on port 443. If the
    firewall itself does not answer, no name resolves (its default):
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-dns-firewall-vpc-configuration.html
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, vpc: ec2.IVpc, domains: Sequence[str]
    ) -> None:
        super().__init__(scope, construct_id)
        region = Stack.of(self).region
        own = [f"{each.format(region)}.amazonaws.com" for each in AWS_NAMES]
        allowed = resolver.CfnFirewallDomainList(self, "Allowed", name=f"{name}-allowed", domains=[*own, *domains])
        others = resolver.CfnFirewallDomainList(self, "Others", name=f"{name}-others", domains=["*"])
        rules = [
            # An alias (CNAME) of an allowed name may lead anywhere, so the first name of a chain decides.
            resolver.CfnFirewallRuleGroup.FirewallRuleProperty(
                action=action,
                block_response=response,
                firewall_domain_list_id=listed.attr_id,
                firewall_domain_redirection_action="TRUST_REDIRECTION_DOMAIN",
                priority=priority,
            )
            for priority, (action, response, listed) in enumerate(
                (("ALLOW", None, allowed), ("BLOCK", "NXDOMAIN", others)), start=1
            )
        ]
        group = resolver.CfnFirewallRuleGroup(self, "Rules", name=name, firewall_rules=rules)
        resolver.CfnFirewallRuleGroupAssociation(
            self,
            "Association",
            name=name,
            firewall_rule_group_id=group.attr_id,
            vpc_id=vpc.vpc_id,
            priority=101,  # the first that AWS permits: up to 100 are those of Firewall Manager
        )
