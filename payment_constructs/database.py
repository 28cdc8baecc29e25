"""Aurora PostgreSQL: a writer and readers in different zones, in isolated subnets."""

from functools import partial
from itertools import cycle

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.keys import EncryptionKey
from payment_constructs.logs import LogGroup
from payment_constructs.roles import service_role

PORT = 5433
"""Not PostgreSQL's default port 5432, which scanners try first."""

DATABASE_NAME = "payments"

MAJOR_VERSION, ENGINE_VERSION = "17", "17.9"
"""Versions of PostgreSQL under Aurora's standard support."""

PARAMETERS = {
    "rds.force_ssl": "1",
    "password_encryption": "scram-sha-256",  # the rotation logs in with it  # pragma: allowlist secret
    "log_connections": "1",
    "log_disconnections": "1",
    "shared_preload_libraries": "pg_stat_statements,pgaudit",
    "pgaudit.log": "ddl,role",
}
"""TLS for every connection (PCI DSS 4.2.1); connections, and changes of schema and roles, in the log (10.2.1)."""

BACKUP_WINDOW, MAINTENANCE_WINDOW = "15:00-15:30", "sat:16:00-sat:16:30"
"""In UTC: late in the evening in Singapore, and hours before AWS Backup starts (backups.py), since a snapshot cannot
start while one of RDS's or maintenance runs. Unset, RDS draws both from eight hours that include that time.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Managing.Backups.html
"""

Capacity = tuple[float, float]
"""Minimum and maximum of a serverless instance, in Aurora capacity units (ACUs) of 2 GiB."""


class Database(Construct):
    """Aurora cluster with a key of its own, whose master password RDS generates and rotates every week.

    Only the rotation of the application's user reads the master password, from Secrets Manager.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        identifier: str,
        vpc: ec2.IVpc,
        instance_class: str,  # such as `db.r6g.large`, or `db.serverless`
        capacity: Capacity | None,  # of serverless instances
        engine_version: str,  # a minor version of `MAJOR_VERSION`
        instances: int,  # the writer and its readers
        log_key: kms.IKey,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.instance_class, self.capacity = instance_class, capacity
        self.key = EncryptionKey(self, "Key", purpose=f"Database {identifier}", retain=retain)
        # Created here, because RDS would create it without a key and without an expiry.
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
        names = ["Writer", *(f"Reader{number}" for number in range(1, instances))]
        if capacity:
            # A reader that scales with the writer can replace it in a failover.
            create = partial(rds.ClusterInstance.serverless_v2, scale_with_writer=True)
        else:
            instance_type = ec2.InstanceType(instance_class.removeprefix("db."))
            create = partial(rds.ClusterInstance.provisioned, instance_type=instance_type)
        writer, *readers = (
            create(
                name,
                availability_zone=subnet.availability_zone,
                publicly_accessible=False,
                auto_minor_version_upgrade=True,
                preferred_maintenance_window=MAINTENANCE_WINDOW,
                enable_performance_insights=True,
                performance_insight_encryption_key=self.key,
            )
            for name, subnet in zip(names, cycle(vpc.isolated_subnets), strict=False)
        )
        min_capacity, max_capacity = capacity or (None, None)
        self.cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            engine=rds.DatabaseClusterEngine.aurora_postgres(
                version=rds.AuroraPostgresEngineVersion.of(engine_version, MAJOR_VERSION)
            ),
            cluster_identifier=identifier,
            default_database_name=DATABASE_NAME,
            port=PORT,
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[self.security_group],
            writer=writer,
            readers=readers,
            serverless_v2_min_capacity=min_capacity,
            serverless_v2_max_capacity=max_capacity,
            parameters=PARAMETERS,
            manage_master_user_password=True,
            credentials=rds.Credentials.from_username("payment_master", encryption_key=self.key),
            iam_authentication=True,
            storage_encrypted=True,
            storage_encryption_key=self.key,
            backup=rds.BackupProps(retention=Duration.days(35 if retain else 7), preferred_window=BACKUP_WINDOW),
            preferred_maintenance_window=MAINTENANCE_WINDOW,
            copy_tags_to_snapshot=True,
            cloudwatch_logs_exports=["postgresql"],
            monitoring_interval=Duration.seconds(60),
            monitoring_role=service_role(
                self,
                "MonitoringRole",
                service="monitoring.rds.amazonaws.com",
                policy="service-role/AmazonRDSEnhancedMonitoringRole",
                control="AWS's managed policy for this one service, which may only write the RDSOSMetrics log.",
            ),
            enable_performance_insights=True,
            performance_insight_encryption_key=self.key,
            deletion_protection=retain,  # explicit: the CDK derives it from RETAIN only (aws/aws-cdk#37780)
            removal_policy=RemovalPolicy.SNAPSHOT if retain else RemovalPolicy.DESTROY,
        )
        self.cluster.node.add_dependency(log_group)
        for name in names:
            instance = self.cluster.node.find_child(name)
            acknowledge(
                instance,
                "NIST.800.53.R5::NIST.800.53.R5-RDSInBackupPlan",
                control="AWS Backup backs up Aurora clusters, and this one is in the plan; the rule checks instances.",
            )
            acknowledge(
                instance,
                "CloudFormation-Validate::W3010",
                control="The subnets' zones, by name, so that writer and reader are never in the same zone.",
            )
        if not retain:
            acknowledge(
                self.cluster,
                "AwsSolutions::AwsSolutions-RDS10",
                "NIST.800.53.R5::NIST.800.53.R5-RDSInstanceDeletionProtectionEnabled",
                control="The environment is destroyable by its settings; where data is retained, protection is on.",
            )


GIB_OF_LARGE = {"t": 8, "r": 16, "x": 32}
"""Memory of each family's ``large`` size; every other size is a multiple of it.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.DBInstanceClass.Summary.html"""

MULTIPLE_OF_LARGE = {"medium": 0.5, "large": 1.0, "xlarge": 2.0}

GIB_OF_CAPACITY_UNIT = 2
"""https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.how-it-works.html"""


def memory_bytes(instance_class: str, *, capacity: Capacity | None = None) -> int:
    """The nominal memory of a class such as ``db.r6g.large``, in bytes; of a serverless one at maximum capacity.

    AWS reports the free memory of a serverless instance relative to its maximum capacity too.
    """
    if capacity:
        return int(GIB_OF_CAPACITY_UNIT * capacity[1] * 2**30)
    _, family, size = instance_class.split(".")
    # Sizes above xlarge carry their multiple: 2xlarge, 24xlarge.
    multiple = MULTIPLE_OF_LARGE[size] if size in MULTIPLE_OF_LARGE else 2.0 * int(size.removesuffix("xlarge"))
    return int(GIB_OF_LARGE[family[0]] * multiple * 2**30)


def local_storage_bytes(instance_class: str, *, capacity: Capacity | None = None) -> int:
    """The storage for temporary files of a class, in bytes: about twice its memory, in AWS's table of most classes.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.Managing.html
    """
    return 2 * memory_bytes(instance_class, capacity=capacity)


def max_connections(instance_class: str, *, capacity: Capacity | None = None) -> int:
    """Aurora PostgreSQL's default of ``max_connections``, calculated with the nominal memory.

    The real figure is about a tenth lower, because DBInstanceClassMemory excludes the memory of the system. A
    serverless instance with a minimum below one ACU is limited to 2000.
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.Managing.html
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html
    """
    limit = 2000 if capacity and capacity[0] < 1 else 5000
    return min(memory_bytes(instance_class, capacity=capacity) // 9_531_392, limit)


def pauses(capacity: Capacity | None) -> bool:
    """Whether an instance pauses without connections: a serverless one with a minimum capacity of 0."""
    return capacity is not None and capacity[0] == 0
