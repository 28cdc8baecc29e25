"""The layers of the payment platform: data, service, peering, and the roles of the delivery."""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from payment_constructs.audit_log import AuditLog
from payment_constructs.backups import Backups, BackupVault
from payment_constructs.database import PORT, Database
from payment_constructs.database_access import DatabaseAccess
from payment_constructs.database_user import DatabaseUser
from payment_constructs.dns import DnsRecord
from payment_constructs.firewall import Firewall
from payment_constructs.housekeeping import Housekeeping
from payment_constructs.keys import imported_key
from payment_constructs.load_balancer import HEALTH_PATH, LoadBalancer
from payment_constructs.logs import AccessLogBucket
from payment_constructs.monitoring.alarm import AlarmTopic
from payment_constructs.monitoring.deployment import DEPLOYMENT_ALARM
from payment_constructs.monitoring.gate import GateReader
from payment_constructs.parameters import Parameters
from payment_constructs.peering import Peer, Peering, PeeringAdmission
from payment_constructs.queue import ProcessingQueue
from payment_constructs.roles import ReleaseRecorder, VerificationRole, trusted_roles
from payment_constructs.service import PaymentService, ServiceScaling, TaskIdentity
from payment_constructs.sessions import SessionTable
from stages.disaster_recovery_stack import DisasterRecoveryStack
from stages.environment import Environment
from stages.names import (
    DATABASE_ACCESS,
    PIPELINE_ROLE,
    bucket_name,
    execution_role_name,
    gate_reader_name,
    key_guardians,
    lost_name,
    parameter_path,
    payment_stack_name,
    peering_role_name,
    release_recorder_name,
    resource_name,
    role_arn,
    verification_role_name,
    verified_release_arn,
    verifier_name,
)


class DataLayer(Construct):
    """Every data store with a key of its own, and its replication or backup into the DR region."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        recovery: DisasterRecoveryStack,
        vpc: ec2.IVpc,
        housekeeping: Housekeeping,
        log_key: kms.IKey,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._environment, retain = environment, environment.retains_data
        # By ARN: a grant on the construct itself would change the key policy in its stack.
        self.replica_keys = {
            name: imported_key(
                self,
                f"{name.title()}ReplicaKey",
                key=key,
                parameter_name=f"{parameter_path(environment)}/replica-key/{name}",
            )
            for name, key in (
                ("secret", recovery.secret_key),
                ("session", recovery.session_key),
                ("audit", recovery.audit_key),
            )
        }
        self.database = Database(
            self,
            "Database",
            identifier=resource_name("database", environment),
            vpc=vpc,
            instance_class=environment.database_instance_class,
            capacity=environment.database_capacity,
            engine_version=environment.database_engine_version,
            instances=environment.database_instances,
            log_key=log_key,
            retain=retain,
        )
        self.database_user = DatabaseUser(
            self,
            "DatabaseUser",
            secret_name=resource_name("database-user", environment),
            database=self.database,
            vpc=vpc,
            log_key=log_key,
            topic=topic,
            replica_region=environment.dr_region,
            replica_key=self.replica_keys["secret"],
            retain=retain,
        )
        self.database_access = DatabaseAccess(
            self,
            "DatabaseAccess",
            name=resource_name(DATABASE_ACCESS, environment),
            denial_name=resource_name(f"no-{DATABASE_ACCESS}", environment),
            database=self.database,
            vpc=vpc,
            break_glass_role_arn=role_arn(environment.break_glass_role, environment),
            log_key=log_key,
            topic=topic,
            retain=retain,
        )
        self.sessions = SessionTable(
            self,
            "Sessions",
            table_name=resource_name("sessions", environment),
            replica_region=environment.dr_region,
            replica_key=self.replica_keys["session"],
            retain=retain,
        )
        self.processing = ProcessingQueue(
            self,
            "Processing",
            queue_name=resource_name("processing", environment),
            dead_letter_queue_name=resource_name("processing-dlq", environment),
            retain=retain,
        )
        self.access_logs = AccessLogBucket(
            self,
            "AccessLogs",
            bucket_name=bucket_name("access-logs", environment, environment.primary_region),
            retain=retain,
            replica_bucket_name=bucket_name("access-logs", environment, environment.dr_region),
            replication_role=recovery.replication_role,
        )
        self.audit_log = AuditLog(
            self,
            "AuditLog",
            bucket_name=bucket_name("audit", environment, environment.primary_region),
            replica_bucket_name=bucket_name("audit", environment, environment.dr_region),
            replica_key=self.replica_keys["audit"],
            replication_role=recovery.replication_role,
            access_logs=self.access_logs,
            retain=retain,
        )
        self.vault = BackupVault(self, "BackupVault", vault_name=resource_name("backup", environment), retain=retain)
        backups = Backups(
            self,
            "Backups",
            plan_name=resource_name("backup", environment),
            vault=self.vault,
            copy_vault=recovery.backup_vault,
            resources=[self.database.cluster.cluster_arn, self.sessions.table.table_arn],
        )
        for key in (self.vault.key, self.audit_log.key, self.database.key):
            key.deny_destruction(except_roles=key_guardians(environment, environment.primary_region))
        if not retain:
            housekeeping.empty_bucket_on_destroy("EmptyAuditLog", self.audit_log.bucket)
            housekeeping.empty_bucket_on_destroy("EmptyAccessLogs", self.access_logs)
            # The DR stack, which contains these, is destroyed after this one.
            housekeeping.empty_bucket_on_destroy("EmptyAuditReplica", recovery.audit_bucket)
            housekeeping.empty_bucket_on_destroy("EmptyReplicaAccessLogs", recovery.access_logs)
            housekeeping.empty_vault_on_destroy("ClearBackups", self.vault, backups=backups)
            housekeeping.empty_vault_on_destroy("ClearBackupCopies", recovery.backup_vault, backups=backups)

    def endpoint_resources(self) -> dict[str, list[str]]:
        """The ARNs of what the VPC uses, by the service of its endpoint."""
        bucket, tables = self.audit_log.bucket, [self.sessions.table.table_arn]
        if lost := lost_name("sessions", self._environment):  # the replica: docs/disaster-recovery.md
            where = f"{self._environment.primary_region}:{self._environment.account}"
            tables.append(f"arn:aws:dynamodb:{where}:table/{lost}")
        return {
            "DynamoDb": tables,
            "S3": [bucket.bucket_arn, bucket.arn_for_objects("*")],
            "SecretsManager": [self.database_user.secret.secret_arn, self.database_user.master_secrets],
            "Sqs": [self.processing.queue.queue_arn, self.processing.dead_letter_queue.queue_arn],
        }


class ServiceLayer(Construct):
    """The load balancer, its firewall, and the payment service with access to the data stores."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        vpc: ec2.IVpc,
        data: DataLayer,
        parameters: Parameters,
        log_key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        retain = environment.retains_data
        self.load_balancer = LoadBalancer(
            self,
            "LoadBalancer",
            name=resource_name("api", environment),
            vpc=vpc,
            certificate_arn=environment.certificate_arn,
            access_logs=data.access_logs,
            retain=retain,
        )
        Firewall(
            self,
            "Firewall",
            name=resource_name("api", environment),
            resource_arn=self.load_balancer.balancer.load_balancer_arn,
            limits=environment.firewall,
            log_key=log_key,
            retain=retain,
        )
        if environment.dns:
            DnsRecord(
                self,
                "Dns",
                dns=environment.dns,
                identifier=resource_name("api", environment),
                load_balancer=self.load_balancer.balancer,
                health_path=HEALTH_PATH,
            )
        configuration = parameters.service_configuration
        image = environment.service_image
        identity = TaskIdentity(self, "TaskIdentity", repository_arn=image.repository_arn)
        identity.allow_configuration(
            parameters=configuration.values(), secret_statements=data.database_user.read_statements()
        )
        identity.task_policy.add_statements(*data.database_user.read_statements())
        data.sessions.grant_use(identity.task_policy)
        data.processing.grant_use(identity.task_policy)
        data.audit_log.grant_append(role=identity.task_role, policy=identity.task_policy)
        self.payment = PaymentService(
            self,
            "Payment",
            name=resource_name("service", environment),
            vpc=vpc,
            load_balancer=self.load_balancer,
            image=image,
            architecture=environment.architecture,
            identity=identity,
            secrets={
                **{name: ecs.Secret.from_ssm_parameter(value) for name, value in configuration.items()},
                **data.database_user.container_secrets(),
            },
            labels=parameters.service_labels,
            alarm_name=resource_name(DEPLOYMENT_ALARM, environment),
            canary=environment.canary,
            spot=environment.spot,
            log_key=log_key,
            retain=retain,
        )
        # CloudFormation does not wait for the rotation that the schedule starts: a task retries until it can log in.
        self.payment.service.node.add_dependency(data.database_user.rotation_schedule)
        ServiceScaling(
            self,
            "Scaling",
            service=self.payment.service,
            queue=data.processing.queue,
            min_tasks=environment.min_tasks,
            max_tasks=environment.max_tasks,
        )
        data.database.security_group.connections.allow_from(
            self.payment.security_group, ec2.Port.tcp(PORT), "The payment service"
        )


class PeeringLayer(Construct):
    """Both ends of peering: a link to the previous environment, and the admission of the following one.

    The role for the following one exists even without a peering: a later release that ends the peering needs it to
    delete its routes here (docs/decisions/0005-peering-is-a-chain.md).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        previous: Environment | None,
        following: Environment | None,
        vpc: ec2.Vpc,
        database: ec2.ISecurityGroup,
        housekeeping: Housekeeping,
    ) -> None:
        super().__init__(scope, construct_id)
        if following:
            PeeringAdmission(
                self,
                "Admission",
                role_name=peering_role_name(environment, following),
                vpc=vpc,
                database=database,
                cidr=following.vpc_cidr if following.peers_with == environment.name else None,
                account=following.account,
                role_names=[execution_role_name(following), resource_name("housekeeping", following)],
            )
        if previous and environment.peers_with:
            Peering(
                self,
                "Link",
                vpc=vpc,
                cidr=environment.vpc_cidr,
                peer=Peer(
                    stack_name=payment_stack_name(previous),
                    account=previous.account,
                    region=previous.primary_region,
                    cidr=previous.vpc_cidr,
                    role_arn=role_arn(peering_role_name(previous, environment), previous),
                ),
                housekeeping=housekeeping,
            )


class DeliveryRoles(Construct):
    """Roles to verify the deployment, to record it and to read the gate alarms, for roles of the tooling account."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        account: str,
        data: DataLayer,
        service: ecs.IBaseService,
        gates: Sequence[cloudwatch.IAlarm],
        parameters: Sequence[ssm.IStringParameter],
    ) -> None:
        super().__init__(scope, construct_id)
        verifier = trusted_roles(verifier_name(environment), account=account)
        ReleaseRecorder(
            self,
            "ReleaseRecorder",
            role_name=release_recorder_name(environment),
            trusted=verifier,
            parameter_arn=verified_release_arn(environment),
        )
        VerificationRole(
            self,
            "Verification",
            role_name=verification_role_name(environment),
            trusted=verifier,
            sessions=data.sessions,
            processing=data.processing,
            audit_bucket=data.audit_log.bucket,
            parameters=parameters,
            database=data.database.cluster,
            database_user=data.database_user.secret,
            service=service,
            gates=gates,
        )
        GateReader(
            self,
            "GateReader",
            role_name=gate_reader_name(environment),
            gates=gates,
            trusted=trusted_roles(PIPELINE_ROLE, account=account),
        )
