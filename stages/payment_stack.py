"""The payment platform of one environment in its primary region."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from aws_cdk import CfnOutput, Fn, Stack
from constructs import Construct

from payment_constructs.dns_firewall import DnsFirewall
from payment_constructs.housekeeping import Housekeeping
from payment_constructs.keys import EncryptionKey
from payment_constructs.manifest import Manifest
from payment_constructs.monitoring.alarm import AlarmTopic
from payment_constructs.network import Network
from payment_constructs.parameters import Parameters
from payment_constructs.peering import ROUTE_TABLE_IDS, VPC_ID
from stages.disaster_recovery_stack import DisasterRecoveryStack
from stages.environment import Environment
from stages.layers import DataLayer, DeliveryRoles, PeeringLayer, ServiceLayer
from stages.monitoring import Monitoring
from stages.names import bucket_name, copy_vault_name, parameter_path, resource_name


class PaymentStack(Stack):
    """Everything of an environment in the primary region; its DR stack is deployed first.

    ``previous`` and ``following`` are the neighbours in the delivery, for peering.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        previous: Environment | None,
        following: Environment | None,
        recovery: DisasterRecoveryStack,
        tooling_account: str,
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
        names = partial(resource_name, environment=environment)
        topic = AlarmTopic(
            self,
            "AlarmTopic",
            name=names,
            email=environment.alarm_email,
            retain=retain,
            levels=environment.alarm_targets,
        )
        housekeeping = Housekeeping(
            self, "Housekeeping", role=recovery.housekeeping_role, log_key=log_key, topic=topic, retain=retain
        )

        network = Network(
            self,
            "Network",
            cidr=environment.vpc_cidr,
            nat_gateways=environment.nat_gateways,
            endpoint_zones=environment.endpoint_zones,
            log_key=log_key,
            retain=retain,
        )
        vpc = network.vpc
        if environment.allowed_domains is not None:
            domains = environment.allowed_domains
            DnsFirewall(self, "DnsFirewall", name=resource_name("outbound", environment), vpc=vpc, domains=domains)
        housekeeping.close_default_security_group(vpc)
        data = DataLayer(
            self,
            "Data",
            environment=environment,
            recovery=recovery,
            vpc=vpc,
            housekeeping=housekeeping,
            log_key=log_key,
            topic=topic,
        )
        network.limit_endpoints(data.endpoint_resources())
        parameters = Parameters(
            self,
            "Parameters",
            path=parameter_path(environment),
            values={
                "DatabaseEndpoint": data.database.cluster.cluster_endpoint.hostname,
                "Environment": environment.name,
                "QueueUrl": data.processing.queue.queue_url,
                "SessionTable": data.sessions.table.table_name,
                "AuditBucket": data.audit_log.bucket.bucket_name,
                "DatabaseSecret": data.database_user.secret.secret_arn,
                "Release": release,
            },
        )
        service = ServiceLayer(
            self, "Service", environment=environment, vpc=vpc, data=data, parameters=parameters, log_key=log_key
        )
        PeeringLayer(
            self,
            "Peering",
            environment=environment,
            previous=previous,
            following=following,
            vpc=vpc,
            database=data.database.security_group,
            housekeeping=housekeeping,
        )
        monitoring = Monitoring(
            self,
            "Monitoring",
            environment=environment,
            network=network,
            data=data,
            load_balancer=service.load_balancer,
            topic=topic,
        )
        # ECS watches the deployment alarm by its name, so the alarm is created first; and tasks need the database.
        service.payment.service.node.add_dependency(monitoring.deployment, data.database.cluster)

        self.manifest = Manifest(
            self,
            "Manifest",
            parameter_name=f"{parameter_path(environment)}/manifest",
            document=inventory(environment=environment, release=release, network=network, data=data, service=service),
        )
        DeliveryRoles(
            self,
            "Delivery",
            environment=environment,
            account=tooling_account,
            data=data,
            service=service.payment.service,
            gates=monitoring.gates,
            parameters=[*parameters.published, self.manifest.parameter],
        )
        self.outputs = self._publish(
            {
                VPC_ID: vpc.vpc_id,
                "ClusterArn": service.payment.cluster.cluster_arn,
                "LoadBalancerDns": service.load_balancer.balancer.load_balancer_dns_name,
                "DatabaseEndpoint": data.database.cluster.cluster_endpoint.hostname,
                "SessionTableName": data.sessions.table.table_name,
                "QueueUrl": data.processing.queue.queue_url,
                "AuditBucketName": data.audit_log.bucket.bucket_name,
            }
        )
        if following:
            tables = [subnet.route_table.route_table_id for subnet in vpc.isolated_subnets]
            self._publish({ROUTE_TABLE_IDS: Fn.join(",", tables)})

    def _publish(self, outputs: Mapping[str, str]) -> dict[str, CfnOutput]:
        return {name: CfnOutput(self, name, value=value) for name, value in outputs.items()}

    @property
    def availability_zones(self) -> list[str]:
        """The zones of the VPC; the CDK would look them up, which needs credentials."""
        return list(self._zones)


def inventory(
    *,
    environment: Environment,
    release: str,
    network: Network,
    data: DataLayer,
    service: ServiceLayer,
) -> dict[str, Any]:
    """The inventory of system components (PCI DSS 12.5.1); values that only the deployment knows are tokens."""
    return {
        "environment": environment.name,
        "release": release,
        "configuration": environment.as_document(),
        environment.primary_region: {
            "vpc": network.vpc.vpc_id,
            "load_balancer": service.load_balancer.balancer.load_balancer_dns_name,
            "service": service.payment.service.service_arn,
            "database": data.database.cluster.cluster_endpoint.hostname,
            "database_key": data.database.key.key_arn,
            "database_user": data.database_user.secret.secret_arn,
            "session_table": data.sessions.table.table_arn,
            "session_key": data.sessions.key.key_arn,
            "queue": data.processing.queue.queue_url,
            "dead_letter_queue": data.processing.dead_letter_queue.queue_url,
            "queue_key": data.processing.key.key_arn,
            "audit_bucket": data.audit_log.bucket.bucket_name,
            "audit_key": data.audit_log.key.key_arn,
            "access_log_bucket": data.access_logs.bucket_name,
            "backup_vault": data.vault.backup_vault_name,
        },
        environment.dr_region: {
            "session_table": resource_name("sessions", environment),
            "session_key": data.replica_keys["session"].key_arn,
            "audit_bucket": bucket_name("audit", environment, environment.dr_region),
            "audit_key": data.replica_keys["audit"].key_arn,
            "database_user": resource_name("database-user", environment),
            "database_user_key": data.replica_keys["secret"].key_arn,
            "backup_vault": copy_vault_name(environment),
        },
    }
