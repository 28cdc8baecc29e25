"""The estimate of one stack: every resource that costs something, and by name those that nobody has priced."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.costs import compute, database, network, protection, stores, watch
from pipeline.costs.line import Bill, CostLine
from pipeline.costs.price_table import PriceTable
from pipeline.costs.usage import Usage

_PARTS = (network.network, compute.compute, database.database, stores.stores, protection.protection, watch.watch)
PRICED = network.TYPES | compute.TYPES | database.TYPES | stores.TYPES | protection.TYPES | watch.TYPES
FREE = {
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::Backup::BackupSelection",
    "AWS::Backup::BackupVault",
    "AWS::Budgets::Budget",
    "AWS::EC2::FlowLog",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::Route",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPC",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::EC2::VPCPeeringConnection",
    "AWS::ECS::Service",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::RDS::DBClusterParameterGroup",
    "AWS::RDS::DBSubnetGroup",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SSM::Parameter",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACLAssociation",
}
"""Types that cost nothing by themselves, or, as functions and topics here, less than a dollar a month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a month costs.

    Args:
        lines: What it is made of.
        unpriced: Types of resources that nobody has priced; the estimate is too low by them.
        budget_usd: The budget that the template itself declares; None where it declares none.
    """

    lines: tuple[CostLine, ...]
    unpriced: tuple[str, ...] = ()
    budget_usd: float | None = None

    @property
    def usd(self) -> float:
        """All of it, in US dollars."""
        return sum(line.usd for line in self.lines)

    @property
    def regions(self) -> list[str]:
        """Where something is billed, the most expensive first."""
        return sorted({line.region for line in self.lines}, key=lambda place: -self.in_region(place).usd)

    def in_region(self, region: str) -> "Estimate":
        """What is billed in one region."""
        return Estimate(lines=tuple(line for line in self.lines if line.region == region), unpriced=self.unpriced)

    def by_group(self) -> dict[str, float]:
        """US dollars by what people call it, the most expensive first."""
        groups: dict[str, float] = defaultdict(float)
        for line in self.lines:
            groups[line.group] += line.usd
        return dict(sorted(groups.items(), key=lambda group: (-group[1], group[0])))


def estimate(
    template: Mapping[str, Any], *, region: str, table: PriceTable | None = None, usage: Usage | None = None
) -> Estimate:
    """Prices a template.

    Args:
        template: As it is handed to CloudFormation.
        region: Where it is deployed.
        table: The prices; the project's own without one.
        usage: How much it is used; the usual assumptions without one.

    Raises:
        PriceError: When the table lacks a price.
    """
    bill = Bill(template=template, region=region, table=table or PriceTable.load(), usage=usage or Usage())
    types = {resource["Type"] for resource in template.get("Resources", {}).values()}
    budgets = [float(each["Budget"]["BudgetLimit"]["Amount"]) for each in bill.of("AWS::Budgets::Budget")]
    return Estimate(
        lines=tuple(line for part in _PARTS for line in part(bill)),
        unpriced=tuple(sorted(kind for kind in types - PRICED - FREE if not kind.startswith("Custom::"))),
        budget_usd=sum(budgets) or None,
    )


def together(estimates: Iterable[Estimate]) -> Estimate:
    """What several stacks cost together."""
    listed = list(estimates)
    budgets = [each.budget_usd for each in listed if each.budget_usd is not None]
    return Estimate(
        lines=tuple(line for each in listed for line in each.lines),
        unpriced=tuple(sorted({kind for each in listed for kind in each.unpriced})),
        budget_usd=sum(budgets) or None,
    )
