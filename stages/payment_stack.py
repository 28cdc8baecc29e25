"""The payment platform of one environment, wired together."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from aws_cdk import CfnOutput, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_kms as kms
from constructs import Construct

from payment_constructs.access_log_bucket import AccessLogBucket
from payment_constructs.alarm_topic import AlarmTopic
from payment_constructs.audit_log import AuditLog
from payment_constructs.backup_vault import BackupVault
from payment_constructs.backups import Backups
from payment_constructs.database import PORT, Database
from payment_constructs.database_user import DatabaseUser
from payment_constructs.encryption_key import EncryptionKey
from payment_constructs.firewall import Firewall
from payment_constructs.housekeeping import Housekeeping
from payment_constructs.load_balancer import LoadBalancer
from payment_constructs.manifest import Manifest
from payment_constructs.network import Network
from payment_constructs.parameters import Parameters
from payment_constructs.payment_service import PaymentService
from payment_constructs.peering import ROUTE_TABLE_IDS, VPC_ID, Peer, Peering
from payment_constructs.peering_admission import PeeringAdmission
from payment_constructs.processing_queue import ProcessingQueue
from payment_constructs.service_scaling import ServiceScaling
from payment_constructs.session_table import SessionTable
from payment_constructs.task_identity import TaskIdentity
from stages.disaster_recovery_stack import DisasterRecoveryStack
from stages.environment import Environment
from stages.monitoring import Monitoring
from stages.names import (
    bucket_name,
    execution_role_name,
    parameter_path,
    payment_stack_name,
    peering_role_name,
    resource_name,
    role_arn,
)
from stages.peers import Peers


class PaymentStack(Stack):
    """Everything of an environment in the primary region.

    Args:
        environment: What it is made of.
        peers: Who it is peered with.
        recovery: The environment's DR stack, which stands already.
        release: The commit that is delivered.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        peers: Peers,
        recovery: DisasterRecoveryStack,
        release: str,
        **kwargs: Any,
    ) -> None:
        self._zones = environment.availability_zones
        super().__init__(scope, construct_id, termination_protection=environment.retains_data, **kwargs)
        self.add_stack_dependency(recovery)
        retain = environment.retains_data
        region = environment.primary_region

        log_key = EncryptionKey(self, "LogKey", purpose=f"Logs of {environment.name} in {region}", retain=retain)
        log_key.allow_log_groups()
        topic = AlarmTopic(
            self,
            "AlarmTopic",
            name=partial(resource_name, environment=environment),
            email=environment.alarm_email,
            retain=retain,
        )
        housekeeping = Housekeeping(self, "Housekeeping", role=recovery.housekeeping_role, log_key=log_key, topic=topic)

        network = Network(
            self,
            "Network",
            cidr=environment.vpc_cidr,
            nat_gateways=environment.nat_gateways,
            log_key=log_key,
            retain=retain,
        )
        housekeeping.close_default_security_group(network.vpc)

        database = Database(
            self,
            "Database",
            identifier=resource_name("database", environment),
            vpc=network.vpc,
            instance_class=environment.database_instance_class,
            instances=environment.database_instances,
            log_key=log_key,
            retain=retain,
        )

        if peers.following:
            PeeringAdmission(
                self,
                "PeeringAdmission",
                role_name=peering_role_name(environment, peers.following),
                vpc=network.vpc,
                database=database.security_group,
                cidr=peers.following.vpc_cidr if peers.following.peers_with == environment.name else None,
                account=peers.following.account,
                role_names=[execution_role_name(peers.following), resource_name("housekeeping", peers.following)],
            )
        if peers.earlier:
            Peering(
                self,
                "Peering",
                vpc=network.vpc,
                cidr=environment.vpc_cidr,
                peer=Peer(
                    stack_name=payment_stack_name(peers.earlier),
                    account=peers.earlier.account,
                    region=peers.earlier.primary_region,
                    cidr=peers.earlier.vpc_cidr,
                    role_arn=role_arn(peering_role_name(peers.earlier, environment), peers.earlier),
                ),
                housekeeping=housekeeping,
            )

        # Keys of the DR region come in by ARN: a grant on the construct itself would write into its stack's policy.
        sessions = SessionTable(
            self,
            "Sessions",
            table_name=resource_name("sessions", environment),
            replica_region=environment.dr_region,
            replica_key=kms.Key.from_key_arn(self, "SessionReplicaKey", recovery.session_key.key_arn),
            retain=retain,
        )
        processing = ProcessingQueue(
            self,
            "Processing",
            queue_name=resource_name("processing", environment),
            dead_letter_queue_name=resource_name("processing-dlq", environment),
            retain=retain,
        )
        access_logs = AccessLogBucket(
            self,
            "AccessLogs",
            bucket_name=bucket_name("access-logs", environment, region),
            retain=retain,
            replica_bucket_name=bucket_name("access-logs", environment, environment.dr_region),
            replication_role=recovery.replication_role,
        )
        audit_log = AuditLog(
            self,
            "AuditLog",
            bucket_name=bucket_name("audit", environment, region),
            replica_bucket_name=bucket_name("audit", environment, environment.dr_region),
            replica_key=kms.Key.from_key_arn(self, "AuditReplicaKey", recovery.audit_key.key_arn),
            replication_role=recovery.replication_role,
            access_logs=access_logs,
            retain=retain,
        )
        vault = BackupVault(self, "BackupVault", vault_name=resource_name("backup", environment), retain=retain)
        backups = Backups(
            self,
            "Backups",
            plan_name=resource_name("backup", environment),
            vault=vault,
            copy_vault=recovery.backup_vault,
            resources=[database.cluster.cluster_arn, sessions.table.table_arn],
        )
        if not retain:
            housekeeping.empty_on_destroy("EmptyAuditLog", audit_log.bucket)
            housekeeping.empty_on_destroy("EmptyAccessLogs", access_logs)
            # This stack is destroyed before the one that holds these.
            housekeeping.empty_on_destroy("EmptyAuditReplica", recovery.audit_bucket)
            housekeeping.empty_on_destroy("EmptyReplicaAccessLogs", recovery.access_logs)
            housekeeping.clear_on_destroy("ClearBackups", vault, backups=backups)
            housekeeping.clear_on_destroy("ClearBackupCopies", recovery.backup_vault, backups=backups)

        parameters = Parameters(
            self,
            "Parameters",
            path=parameter_path(environment),
            environment=environment.name,
            database_endpoint=database.cluster.cluster_endpoint.hostname,
            queue_url=processing.queue.queue_url,
            session_table_name=sessions.table.table_name,
            audit_bucket_name=audit_log.bucket.bucket_name,
        )
        user = DatabaseUser(
            self,
            "DatabaseUser",
            secret_name=resource_name("database-user", environment),
            database=database,
            log_key=log_key,
            topic=topic,
            retain=retain,
        )

        load_balancer = LoadBalancer(
            self,
            "LoadBalancer",
            name=resource_name("api", environment),
            vpc=network.vpc,
            certificate_arn=environment.certificate_arn,
            access_logs=access_logs,
            retain=retain,
        )
        Firewall(
            self,
            "Firewall",
            name=resource_name("api", environment),
            resource_arn=load_balancer.balancer.load_balancer_arn,
            log_key=log_key,
            retain=retain,
        )
        image = environment.service_image
        identity = TaskIdentity(self, "TaskIdentity", repository_arn=image.repository_arn)
        identity.allow_configuration(
            parameters=parameters.service_configuration.values(), secret=user.secret, secret_key=database.key
        )
        sessions.grant_use(identity.task_policy)
        processing.grant_use(identity.task_policy)
        audit_log.grant_append(role=identity.task_role, policy=identity.task_policy)
        service = PaymentService(
            self,
            "Service",
            name=resource_name("service", environment),
            vpc=network.vpc,
            load_balancer=load_balancer,
            image=image,
            identity=identity,
            secrets={
                **{
                    name: ecs.Secret.from_ssm_parameter(value)
                    for name, value in parameters.service_configuration.items()
                },
                **user.container_secrets(),
            },
            gate_name=resource_name("gate", environment),
            canary_percent=environment.canary_percent,
            log_key=log_key,
            retain=retain,
        )
        ServiceScaling(
            self,
            "ServiceScaling",
            service=service.service,
            queue=processing.queue,
            min_tasks=environment.min_tasks,
            max_tasks=environment.max_tasks,
        )
        monitoring = Monitoring(
            self,
            "Monitoring",
            environment=environment,
            release=release,
            network=network,
            database=database,
            user=user,
            sessions=sessions,
            processing=processing,
            load_balancer=load_balancer,
            vault=vault,
            topic=topic,
        )
        # A deployment looks at the gate, so that stands first.
        service.service.node.add_dependency(monitoring.gate)
        database.security_group.connections.allow_from(
            service.security_group, ec2.Port.tcp(PORT), "The payment service"
        )
        self.manifest = Manifest(
            self,
            "Manifest",
            parameter_name=f"{parameter_path(environment)}/manifest",
            document={
                "environment": environment.name,
                "release": release,
                "configuration": environment.as_document(),
                environment.primary_region: {
                    "vpc": network.vpc.vpc_id,
                    "load_balancer": load_balancer.balancer.load_balancer_dns_name,
                    "service": service.service.service_arn,
                    "database": database.cluster.cluster_endpoint.hostname,
                    "database_key": database.key.key_arn,
                    "database_user": user.secret.secret_arn,
                    "session_table": sessions.table.table_arn,
                    "session_key": sessions.key.key_arn,
                    "queue": processing.queue.queue_url,
                    "dead_letter_queue": processing.dead_letter_queue.queue_url,
                    "queue_key": processing.key.key_arn,
                    "audit_bucket": audit_log.bucket.bucket_name,
                    "audit_key": audit_log.key.key_arn,
                    "access_log_bucket": access_logs.bucket_name,
                    "backup_vault": vault.backup_vault_name,
                },
                environment.dr_region: {
                    "session_table": resource_name("sessions", environment),
                    "session_key": recovery.session_key.key_arn,
                    "audit_bucket": bucket_name("audit", environment, environment.dr_region),
                    "audit_key": recovery.audit_key.key_arn,
                    "backup_vault": resource_name("dr", environment),
                },
            },
        )
        self._publish(
            {
                VPC_ID: network.vpc.vpc_id,
                "ClusterArn": service.cluster.cluster_arn,
                "LoadBalancerDns": load_balancer.balancer.load_balancer_dns_name,
                "DatabaseEndpoint": database.cluster.cluster_endpoint.hostname,
                "SessionTableName": sessions.table.table_name,
                "QueueUrl": processing.queue.queue_url,
                "AuditBucketName": audit_log.bucket.bucket_name,
            }
        )
        if peers.following:
            tables = [subnet.route_table.route_table_id for subnet in network.vpc.isolated_subnets]
            self._publish({ROUTE_TABLE_IDS: Fn.join(",", tables)})

    def _publish(self, outputs: Mapping[str, str]) -> None:
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)

    @property
    def availability_zones(self) -> list[str]:
        """The zones that the CDK spreads over; its own way is a look-up, which needs credentials."""
        return list(self._zones)
