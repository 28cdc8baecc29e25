"""The instances of the database, of a class of their own or serverless."""

from collections.abc import Sequence
from functools import partial
from itertools import cycle

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds


def database_instances(
    names: Sequence[str], *, zones: Sequence[str], instance_class: str, serverless: bool, key: kms.IKey
) -> list[rds.IClusterInstance]:
    """The writer and its readers, in different zones.

    Args:
        names: The writer's construct id first.
        zones: Where they stand, in turn.
        instance_class: Such as ``db.r6g.large``; of no use to serverless ones.
        serverless: Whether they take what capacity they need; the cluster says how much that may be.
        key: Encrypts what Performance Insights keeps.
    """
    member = (
        # A reader that scales with the writer is fit to take its place.
        partial(rds.ClusterInstance.serverless_v2, scale_with_writer=True)
        if serverless
        else partial(
            rds.ClusterInstance.provisioned, instance_type=ec2.InstanceType(instance_class.removeprefix("db."))
        )
    )
    return [
        member(
            name,
            availability_zone=zone,
            publicly_accessible=False,
            auto_minor_version_upgrade=True,
            enable_performance_insights=True,
            performance_insight_encryption_key=key,
        )
        for name, zone in zip(names, cycle(zones), strict=False)
    ]
