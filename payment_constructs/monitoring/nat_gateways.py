"""What is watched of the NAT gateways, the platform's way out."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from payment_constructs.monitoring.alarm import Alarm, AlarmTopic

MINUTE = Duration.minutes(1)

DROPPED_PERCENT = 0.01
"""Of all packets; above it AWS says to look at the health of the service:
https://docs.aws.amazon.com/vpc/latest/userguide/metrics-dimensions-nat-gateway.html"""


class NatGatewayMonitoring(Construct):
    """Alarms on each gateway's ports and on the packets that it drops.

    A gateway without traffic may be silent, and one that is gone shows as errors of whoever wanted out: missing data is
    never breaching.

    Args:
        vpc: The network; its public subnets hold the gateways.
        topic: Where alarms are told.
    """

    def __init__(self, scope: Construct, construct_id: str, *, vpc: ec2.Vpc, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        self._topic = topic
        self.alarms: list[Alarm] = []
        for subnet in vpc.public_subnets:
            gateway = subnet.node.try_find_child("NATGateway")
            if isinstance(gateway, ec2.CfnNatGateway):
                zone = subnet.availability_zone
                self.alarms += [self._ports(zone, gateway.ref), self._drops(zone, gateway.ref)]

    def _ports(self, zone: str, gateway: str) -> Alarm:
        return Alarm(
            self,
            f"Ports-{zone}",
            topic=self._topic,
            what=f"nat-{zone}-ports",
            metric=_metric("ErrorPortAllocation", gateway),
            threshold=0,
            datapoints=3,
            periods=5,
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says=f"The NAT gateway in {zone} has no port left for connections to some destination.",
            runbook="nat-ports",
        )

    def _drops(self, zone: str, gateway: str) -> Alarm:
        return Alarm(
            self,
            f"Drops-{zone}",
            topic=self._topic,
            what=f"nat-{zone}-drops",
            metric=cloudwatch.MathExpression(
                expression=(
                    "IF(FILL(from_inside, 0) + FILL(from_outside, 0) > 0, "
                    "100 * FILL(dropped, 0) / (FILL(from_inside, 0) + FILL(from_outside, 0)), 0)"
                ),
                using_metrics={
                    "dropped": _metric("PacketsDropCount", gateway),
                    "from_inside": _metric("PacketsInFromSource", gateway),
                    "from_outside": _metric("PacketsInFromDestination", gateway),
                },
                period=MINUTE,
                label="Dropped %",
            ),
            threshold=DROPPED_PERCENT,
            datapoints=3,
            periods=5,
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says=f"The NAT gateway in {zone} is dropping packets.",
            runbook="nat-drops",
        )


def _metric(name: str, gateway: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/NATGateway",
        metric_name=name,
        dimensions_map={"NatGatewayId": gateway},
        statistic="Sum",
        period=MINUTE,
    )
