"""What the tooling account may do in an environment besides deploying it: verify it, and look at its gate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from payment_constructs.audit_log import AuditLog
from payment_constructs.backups import Backups, BackupVault
from payment_constructs.database import PORT, Database
from payment_constructs.database_user import DatabaseUser
from payment_constructs.firewall import Firewall
from payment_constructs.housekeeping import Housekeeping
from payment_constructs.load_balancer import LoadBalancer
from payment_constructs.logs import AccessLogBucket
from payment_constructs.monitoring.alarm import AlarmTopic
from payment_constructs.parameters import Parameters
from payment_constructs.peering import Peer, Peering, PeeringAdmission
from payment_constructs.queue import ProcessingQueue
from payment_constructs.roles import GateReader, VerificationRole, trusted_roles
from payment_constructs.service import PaymentService, ServiceScaling, TaskIdentity
from payment_constructs.sessions import SessionTable
from stages.disaster_recovery_stack import DisasterRecoveryStack
from stages.environment import Environment
from stages.names import (
    PIPELINE_ROLE,
    bucket_name,
    execution_role_name,
    gate_reader_name,
    payment_stack_name,
    peering_role_name,
    resource_name,
    role_arn,
    verification_role_name,
    verifier_name,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """The neighbours of one environment.

    Args:
        earlier: Whose database it administers; None for no peering.
        following: The environment after it, whether that one peers with it or not; None where it is the last.
    """

    earlier: Environment | None
    following: Environment | None

    @classmethod
    def of(cls: type[Self], environment: Environment, environments: Sequence[Environment]) -> Self:
        """The neighbours among all environments of a delivery, in its order."""
        place = environments.index(environment)
        return cls(
            earlier=environments[place - 1] if environment.peers_with else None,
            following=environments[place + 1] if place + 1 < len(environments) else None,
        )


class DataLayer(Construct):
    """Everything that holds data, each with a key of its own, and the way of each into the DR region.

    Args:
        environment: What it is made of.
        recovery: Where the replicas and copies go.
        vpc: The network that the database stands in.
        housekeeping: Empties what a destroyable environment leaves.
        log_key: Encrypts logs.
        topic: Is told of failures.
    """

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
        retain = environment.retains_data
        self.database = Database(
            self,
            "Database",
            identifier=resource_name("database", environment),
            vpc=vpc,
            instance_class=environment.database_instance_class,
            capacity=environment.database_capacity,
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
            # Keys of the DR region come in by ARN: a grant on the construct itself would write into its stack's policy.
            replica_region=environment.dr_region,
            replica_key=kms.Key.from_key_arn(self, "SecretReplicaKey", recovery.secret_key.key_arn),
            retain=retain,
        )
        self.sessions = SessionTable(
            self,
            "Sessions",
            table_name=resource_name("sessions", environment),
            replica_region=environment.dr_region,
            replica_key=kms.Key.from_key_arn(self, "SessionReplicaKey", recovery.session_key.key_arn),
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
            replica_key=kms.Key.from_key_arn(self, "AuditReplicaKey", recovery.audit_key.key_arn),
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
        if not retain:
            housekeeping.empty_on_destroy("EmptyAuditLog", self.audit_log.bucket)
            housekeeping.empty_on_destroy("EmptyAccessLogs", self.access_logs)
            # This stack is destroyed before the one that holds these.
            housekeeping.empty_on_destroy("EmptyAuditReplica", recovery.audit_bucket)
            housekeeping.empty_on_destroy("EmptyReplicaAccessLogs", recovery.access_logs)
            housekeeping.clear_on_destroy("ClearBackups", self.vault, backups=backups)
            housekeeping.clear_on_destroy("ClearBackupCopies", recovery.backup_vault, backups=backups)


class ServiceLayer(Construct):
    """Everything between a client and the data.

    Args:
        environment: What it is made of.
        vpc: The network.
        data: What the service works on; each store grants its own use.
        parameters: The service's configuration.
        log_key: Encrypts logs.
    """

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
            log_key=log_key,
            retain=retain,
        )
        configuration = parameters.service_configuration
        image = environment.service_image
        identity = TaskIdentity(self, "TaskIdentity", repository_arn=image.repository_arn)
        identity.allow_configuration(
            parameters=configuration.values(), secret=data.database_user.secret, secret_key=data.database.key
        )
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
            identity=identity,
            secrets={
                **{name: ecs.Secret.from_ssm_parameter(value) for name, value in configuration.items()},
                **data.database_user.container_secrets(),
            },
            gate_name=resource_name("gate", environment),
            canary_percent=environment.canary_percent,
            spot=environment.spot,
            log_key=log_key,
            retain=retain,
        )
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
    """Both ends, each only where the environment has a neighbour (docs/decisions/0005-peering-is-a-chain.md).

    Args:
        environment: Whose place it is.
        peers: Its neighbours.
        vpc: Its network.
        database: The security group of its database.
        housekeeping: Does on the earlier side what CloudFormation cannot.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        peers: Peers,
        vpc: ec2.Vpc,
        database: ec2.ISecurityGroup,
        housekeeping: Housekeeping,
    ) -> None:
        super().__init__(scope, construct_id)
        if following := peers.following:
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
        if earlier := peers.earlier:
            Peering(
                self,
                "Link",
                vpc=vpc,
                cidr=environment.vpc_cidr,
                peer=Peer(
                    stack_name=payment_stack_name(earlier),
                    account=earlier.account,
                    region=earlier.primary_region,
                    cidr=earlier.vpc_cidr,
                    role_arn=role_arn(peering_role_name(earlier, environment), earlier),
                ),
                housekeeping=housekeeping,
            )


class DeliveryRoles(Construct):
    """Two roles, each trusted by one role of the tooling account.

    Args:
        environment: Whose roles these are.
        account: The tooling account.
        data: What is verified of its data.
        service: The service.
        gate: The gate alarm.
        parameters: What the platform publishes about itself, and is verified.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        account: str,
        data: DataLayer,
        service: ecs.IBaseService,
        gate: cloudwatch.IAlarm,
        parameters: Sequence[ssm.IStringParameter],
    ) -> None:
        super().__init__(scope, construct_id)
        VerificationRole(
            self,
            "Verification",
            role_name=verification_role_name(environment),
            trusted=trusted_roles(verifier_name(environment), account=account),
            sessions=data.sessions,
            processing=data.processing,
            audit_bucket=data.audit_log.bucket,
            parameters=parameters,
            database=data.database.cluster,
            service=service,
            gate=gate,
        )
        GateReader(
            self,
            "GateReader",
            role_name=gate_reader_name(environment),
            gate=gate,
            trusted=trusted_roles(PIPELINE_ROLE, account=account),
        )
