"""DNS name of an environment's load balancer, with fail-over to the environment that is recovered in the DR region."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_route53 as route53
from constructs import Construct

HOST = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsName:
    """A name in a public hosted zone of the environment's account; the certificate must be for that name."""

    zone_id: str  # such as Z0123456789ABCDEFGHIJ
    zone_name: str  # such as example.com
    record_name: str  # such as payments.example.com
    secondary: bool = False  # of the recovered environment; never a setting

    def faults(self) -> Iterator[str]:
        """Yields a sentence for each invalid field."""
        if not re.fullmatch(r"Z[A-Z0-9]{1,31}", str(self.zone_id)):
            yield f"zone_id is {self.zone_id!r}: give the id of a public hosted zone, such as Z0123456789ABCDEFGHIJ."
        if not HOST.fullmatch(str(self.zone_name)):
            yield f"zone_name is {self.zone_name!r}: give a name in lower case, such as example.com."
        elif not (HOST.fullmatch(str(self.record_name)) and f".{self.record_name}".endswith(f".{self.zone_name}")):
            yield f"record_name is {self.record_name!r}: give a full name in the zone {self.zone_name}."


class DnsRecord(Construct):
    """Fail-over alias record of a load balancer, and the health check of the service behind it.

    The secondary record must get no customer before the recovered environment is verified, and the primary one is
    failing then. So its health check is inverted: while the recovered service answers, Route 53 takes the record for
    unhealthy, and answers with the primary one if both are. `docs/disaster-recovery.md#switch-traffic` turns it round.
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-problems.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        dns: DnsName,
        identifier: str,  # of the record among those of its name
        load_balancer: elbv2.ApplicationLoadBalancer,
        health_path: str,
    ) -> None:
        super().__init__(scope, construct_id)
        # By the load balancer's own name, which stays when the record changes. Route 53 verifies no certificate.
        check = route53.CfnHealthCheck(
            self,
            "HealthCheck",
            health_check_config=route53.CfnHealthCheck.HealthCheckConfigProperty(
                type="HTTPS",
                fully_qualified_domain_name=load_balancer.load_balancer_dns_name,
                port=443,
                resource_path=health_path,
                enable_sni=True,
                request_interval=30,
                failure_threshold=3,
                inverted=dns.secondary,
            ),
            health_check_tags=[route53.CfnHealthCheck.HealthCheckTagProperty(key="Name", value=identifier)],
        )
        route53.CfnRecordSet(
            self,
            "Record",
            hosted_zone_id=dns.zone_id,
            name=f"{dns.record_name}.",
            type="A",
            alias_target=route53.CfnRecordSet.AliasTargetProperty(
                dns_name=load_balancer.load_balancer_dns_name,
                hosted_zone_id=load_balancer.load_balancer_canonical_hosted_zone_id,
                evaluate_target_health=False,  # the health check decides
            ),
            failover="SECONDARY" if dns.secondary else "PRIMARY",
            set_identifier=identifier,
            health_check_id=check.attr_health_check_id,
        )
