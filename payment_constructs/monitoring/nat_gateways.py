"""Alarms on the NAT gateways: exhausted ports and dropped packets."""

from functools import partial

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from payment_constructs.monitoring.alarm import NOT_BREACHING, Alarm, AlarmTopic, aws_metric, metric_math

DROPPED_PERCENT = 0.01
"""Of all packets; above it AWS recommends to check the health of the service:
https://docs.aws.amazon.com/vpc/latest/userguide/metrics-dimensions-nat-gateway.html"""

DROPPED = (
    "IF(FILL(from_inside, 0) + FILL(from_outside, 0) > 0, "
    "100 * FILL(dropped, 0) / (FILL(from_inside, 0) + FILL(from_outside, 0)), 0)"
)


class NatGatewayMonitoring(Construct):
    """Alarms on each NAT gateway in the VPC's public subnets.

    Missing data is never breaching: a gateway without traffic may not report, and a deleted one causes errors of its
    clients.
    """

    def __init__(self, scope: Construct, construct_id: str, *, vpc: ec2.Vpc, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        alarm = partial(Alarm, self, topic=topic, datapoints=3, periods=5, missing_data=NOT_BREACHING)
        self.alarms: list[Alarm] = []
        for subnet in vpc.public_subnets:
            gateway = subnet.node.try_find_child("NATGateway")
            if not isinstance(gateway, ec2.CfnNatGateway):
                continue
            zone = subnet.availability_zone
            metric = partial(aws_metric, "AWS/NATGateway", {"NatGatewayId": gateway.ref})
            ports = alarm(
                f"Ports-{zone}",
                name=f"nat-{zone}-ports",
                metric=metric("ErrorPortAllocation"),
                threshold=0,
                description=f"The NAT gateway in {zone} has no free port for connections to a destination.",
                runbook="nat-ports",
            )
            drops = alarm(
                f"Drops-{zone}",
                name=f"nat-{zone}-drops",
                metric=metric_math(
                    "Dropped %",
                    DROPPED,
                    {
                        "dropped": metric("PacketsDropCount"),
                        "from_inside": metric("PacketsInFromSource"),
                        "from_outside": metric("PacketsInFromDestination"),
                    },
                ),
                threshold=DROPPED_PERCENT,
                description=f"The NAT gateway in {zone} drops packets.",
                runbook="nat-drops",
            )
            self.alarms += [ports, drops]
