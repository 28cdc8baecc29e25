"""Aurora PostgreSQL: a writer and readers in different zones, in subnets without a route out."""

from collections.abc import Sequence
from functools import partial
from itertools import cycle

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.keys import EncryptionKey
from payment_constructs.logs import LogGroup

GIBIBYTES_OF_LARGE = {"t": 8, "r": 16, "x": 32}
"""Memory of a family's ``large`` size, in GiB; every other size is a power of two of it.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.DBInstanceClass.Summary.html"""

GIBIBYTES_OF_CAPACITY_UNIT = 2
"""https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.how-it-works.html"""

MOST_CONNECTIONS, MOST_CONNECTIONS_OF_HALF_A_UNIT = 5000, 2000
"""A serverless instance that may shrink below one unit keeps no room for more.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html"""

Capacity = tuple[float, float]
"""Minimum and maximum of a serverless instance, in Aurora capacity units (ACUs) of 2 GiB."""

LARGES = {"medium": 0.5, "large": 1.0, "xlarge": 2.0}


def memory_bytes(instance_class: str, *, capacity: tuple[float, float] | None = None) -> int:
    """The nominal memory of a class such as ``db.r6g.large``, in bytes; of a serverless one at its most capacity.

    AWS reports the free memory of a serverless instance against its most capacity too.
    """
    if capacity:
        return int(GIBIBYTES_OF_CAPACITY_UNIT * capacity[1] * 2**30)
    _, family, size = instance_class.split(".")
    # Sizes above xlarge carry their multiple: 2xlarge, 24xlarge.
    multiple = size.removesuffix("xlarge")
    larges = LARGES[size] if size in LARGES else 2.0 * int(multiple)
    return int(GIBIBYTES_OF_LARGE[family[0]] * larges * 2**30)


def max_connections(instance_class: str, *, capacity: tuple[float, float] | None = None) -> int:
    """Aurora PostgreSQL's default of ``max_connections``, of the nominal memory.

    The real figure is some tenth lower: DBInstanceClassMemory leaves out what the system takes for itself.
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.Managing.html
    """
    most = MOST_CONNECTIONS_OF_HALF_A_UNIT if capacity and capacity[0] < 1 else MOST_CONNECTIONS
    return min(memory_bytes(instance_class, capacity=capacity) // 9_531_392, most)


def pauses(capacity: tuple[float, float] | None) -> bool:
    """Whether an instance stops while nobody is connected: a serverless one that may shrink to nothing."""
    return capacity is not None and capacity[0] == 0


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


PORT = 5433
"""Not PostgreSQL's own 5432, the first that a scanner tries."""

NAME = "payments"
"""The database inside the cluster."""

ENGINE = rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_17_9)
"""A version under Aurora's standard support."""

PARAMETERS = {
    "rds.force_ssl": "1",
    "password_encryption": "scram-sha-256",  # as the rotation logs in  # pragma: allowlist secret
    "log_connections": "1",
    "log_disconnections": "1",
    "shared_preload_libraries": "pg_stat_statements,pgaudit",
    "pgaudit.log": "ddl,role",
}
"""TLS for every connection (PCI DSS 4.2.1); who connected, and changes of structure and roles, in the log (10.2.1)."""


class Database(Construct):
    """The cluster, encrypted with a key of its own, whose master password RDS makes, keeps and rotates every week.

    Nobody but the rotation of the application's user has a use for the master password; it stands in Secrets Manager.

    Args:
        identifier: The cluster's name.
        vpc: The network; the cluster stands in its isolated subnets.
        instance_class: Such as ``db.r6g.large``, or ``db.serverless``.
        capacity: The least and the most ACUs of a serverless instance, 2 GiB each; one that may have none pauses.
        instances: The writer and its readers, spread over the zones.
        log_key: Encrypts the exported logs; it allows log groups.
        retain: Whether the data outlives the stack, by a final snapshot, and is protected from deletion.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        identifier: str,
        vpc: ec2.IVpc,
        instance_class: str,
        capacity: tuple[float, float] | None,
        instances: int,
        log_key: kms.IKey,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = EncryptionKey(self, "Key", purpose=f"Database {identifier}", retain=retain)
        # Made here, because RDS would make it without a key and without an end.
        log_group = LogGroup(
            self, "Log", log_group_name=f"/aws/rds/cluster/{identifier}/postgresql", key=log_key, retain=retain
        )
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            description="The database: admits those who are named, and reaches nobody",
            allow_all_outbound=False,
        )
        zones = [subnet.availability_zone for subnet in vpc.isolated_subnets]
        names = ["Writer", *(f"Reader{number}" for number in range(1, instances))]
        members = database_instances(
            names, zones=zones, instance_class=instance_class, serverless=capacity is not None, key=self.key
        )
        least, most = capacity or (None, None)
        self.cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            engine=ENGINE,
            cluster_identifier=identifier,
            default_database_name=NAME,
            port=PORT,
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[self.security_group],
            writer=members[0],
            readers=members[1:],
            serverless_v2_min_capacity=least,
            serverless_v2_max_capacity=most,
            parameters=PARAMETERS,
            manage_master_user_password=True,
            credentials=rds.Credentials.from_username("payment_master", encryption_key=self.key),
            iam_authentication=True,
            storage_encrypted=True,
            storage_encryption_key=self.key,
            backup=rds.BackupProps(retention=Duration.days(35 if retain else 7)),
            copy_tags_to_snapshot=True,
            cloudwatch_logs_exports=["postgresql"],
            monitoring_interval=Duration.seconds(60),
            monitoring_role=self._monitoring_role(),
            enable_performance_insights=True,
            performance_insight_encryption_key=self.key,
            deletion_protection=retain,
            removal_policy=RemovalPolicy.SNAPSHOT if retain else RemovalPolicy.DESTROY,
        )
        self.cluster.node.add_dependency(log_group)
        self._acknowledge(names, retain=retain)

    def _acknowledge(self, names: list[str], *, retain: bool) -> None:
        for name in names:
            instance = self.cluster.node.find_child(name)
            acknowledge(
                instance,
                "NIST.800.53.R5::NIST.800.53.R5-RDSInBackupPlan",
                control="AWS Backup takes Aurora by its cluster, which is in the plan; the rule looks for instances.",
            )
            acknowledge(
                instance,
                "CloudFormation-Validate::W3010",
                control="The zones of the subnets, by name, so that writer and reader never share one.",
            )
        if not retain:
            acknowledge(
                self.cluster,
                "AwsSolutions::AwsSolutions-RDS10",
                "NIST.800.53.R5::NIST.800.53.R5-RDSInstanceDeletionProtectionEnabled",
                control="The environment is destroyable by its settings; where data is retained, protection is on.",
            )

    def _monitoring_role(self) -> iam.IRole:
        role = iam.Role(
            self,
            "MonitoringRole",
            assumed_by=iam.ServicePrincipal("monitoring.rds.amazonaws.com"),
            managed_policies=[
                iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AmazonRDSEnhancedMonitoringRole")
            ],
        )
        acknowledge(
            role,
            "AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole]",
            control="AWS's own policy for this one service, which may write the RDSOSMetrics log and nothing else.",
        )
        return role
