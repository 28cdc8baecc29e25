"""The monitoring of an environment in its primary region."""

from functools import partial

from constructs import Construct

from payment_constructs.load_balancer import LoadBalancer
from payment_constructs.monitoring.alarm import BREACHING, AlarmTopic, Monitored, alarm_topic
from payment_constructs.monitoring.backups import BackupMonitoring
from payment_constructs.monitoring.budget import Budget
from payment_constructs.monitoring.certificate import CertificateMonitoring
from payment_constructs.monitoring.chat import Chat
from payment_constructs.monitoring.controls import ControlMonitoring
from payment_constructs.monitoring.dashboard import Dashboard
from payment_constructs.monitoring.database import DatabaseMonitoring
from payment_constructs.monitoring.database_access import DatabaseAccessMonitoring
from payment_constructs.monitoring.deployment import DeploymentMonitoring
from payment_constructs.monitoring.error_rate import BurnRateMonitoring
from payment_constructs.monitoring.gate import GATE_ALARMS, Gate, Health, any_breach
from payment_constructs.monitoring.keys import KeyMonitoring
from payment_constructs.monitoring.load_balancer import HostMonitoring, LoadBalancerMonitoring
from payment_constructs.monitoring.nat_gateways import NatGatewayMonitoring
from payment_constructs.monitoring.queue import ProcessingQueueMonitoring
from payment_constructs.monitoring.replication import ReplicationFailureMonitoring
from payment_constructs.monitoring.rotation import RotationMonitoring
from payment_constructs.monitoring.service import ServiceMonitoring
from payment_constructs.monitoring.sessions import SessionTableMonitoring
from payment_constructs.monitoring.targets import SlackChannel, TeamsChannel
from payment_constructs.network import Network
from stages.environment import Environment
from stages.layers import DataLayer
from stages.names import (
    REPLICATED,
    bucket_name,
    copy_vault_name,
    delivery_roles,
    execution_role_name,
    resource_name,
    role_arn,
)


class Monitoring(Construct):
    """The alarms of every part, the gate alarms, the health alarm, the dashboard and the budget."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        network: Network,
        data: DataLayer,
        load_balancer: LoadBalancer,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        name = partial(resource_name, environment=environment)
        levels = environment.alarms
        KeyMonitoring(
            self, "Keys", topic=topic, deployment_role_arn=role_arn(execution_role_name(environment), environment)
        )
        ControlMonitoring(self, "Controls", topic=topic, delivery_roles=delivery_roles(environment))
        requests = LoadBalancerMonitoring(
            self,
            "Requests",
            load_balancer=load_balancer.balancer,
            error_rate_percent=levels.error_rate_percent,
            response_time_ms=levels.response_time_ms,
            topic=topic,
        )
        hosts = HostMonitoring(
            self,
            "Hosts",
            load_balancer=load_balancer.balancer,
            target_groups=load_balancer.target_groups,
            min_hosts=environment.min_tasks,
            topic=topic,
        )
        # By name: the service depends on the deployment alarm, so no alarm may depend on the service.
        tasks = ServiceMonitoring(
            self,
            "Tasks",
            cluster_name=name("service"),
            service_name=name("service"),
            cpu_percent=levels.cpu_percent,
            memory_percent=levels.memory_percent,
            topic=topic,
        )
        cluster = DatabaseMonitoring(
            self,
            "Database",
            database=data.database,
            topic=topic,
        )
        queue = ProcessingQueueMonitoring(
            self,
            "Processing",
            processing=data.processing,
            topic=topic,
        )
        table_name = data.sessions.table.table_name
        table = SessionTableMonitoring(
            self, "Sessions", table_name=table_name, written=True, other_region=environment.dr_region, topic=topic
        )
        replications = [
            ReplicationFailureMonitoring(
                self,
                f"Replication-{what}",
                name=what,
                source_bucket=bucket_name(what, environment, environment.primary_region),
                destination_bucket=bucket_name(what, environment, environment.dr_region),
                destination_region=environment.dr_region,
                topic=topic,
            )
            for what in REPLICATED
        ]
        backups = BackupMonitoring(
            self,
            "Backups",
            vault_name=data.vault.backup_vault_name,
            copy_vault_name=copy_vault_name(environment),
            topic=topic,
        )
        nat = NatGatewayMonitoring(self, "Nat", vpc=network.vpc, topic=topic)
        rotation = RotationMonitoring(
            self, "Rotation", function_name=data.database_user.rotation_function.function_name, topic=topic
        )
        access = DatabaseAccessMonitoring(
            self, "DatabaseAccess", function_name=data.database_access.function.function_name, topic=topic
        )
        burn_rate = BurnRateMonitoring(
            self, "BurnRate", errors=requests.errors, availability_percent=levels.availability_percent, topic=topic
        )
        deployment = DeploymentMonitoring(
            self,
            "Deployment",
            name=name("service"),
            breaches=[*requests.breaches, *hosts.unhealthy],
            canary_minutes=environment.canary.minutes if environment.canary else 0,
            topic=topic,
        )
        self.deployment = deployment.rollback
        shown: list[Monitored] = [requests, hosts, tasks, cluster, queue, table, *replications, backups]
        alarms = [alarm for part in shown for alarm in part.alarms]
        certificate = CertificateMonitoring(
            self, "Certificate", certificate_arn=environment.certificate_arn, topic=topic
        )
        alarms += [
            *deployment.alarms,
            *nat.alarms,
            *rotation.alarms,
            *access.alarms,
            *burn_rate.alarms,
            *certificate.alarms,
        ]
        if channels := chat_topics(environment, topic):
            Chat(self, "Chat", name=name, topics=channels)
        hosts_gate = Gate(
            self,
            "Gate",
            topic=topic,
            name=GATE_ALARMS[0],
            metric=any_breach(hosts.breaches),
            missing_data=BREACHING,
            fault="a task fails its health check, or there are too few tasks",
        )
        # Missing data breaches: created before the database's instances, this gate would be on without a fault.
        hosts_gate.node.add_dependency(data.database.cluster)
        self.gates = [hosts_gate, *requests.gates, *cluster.gates, *queue.gates]
        health = Health(self, "Health", topic=topic, alarms=alarms)
        Dashboard(
            self,
            "Dashboard",
            name=name("overview"),
            facts={"Environment": environment.name, "Region": environment.primary_region},
            alarms=[health, *self.gates, *alarms],
            rows=[[*requests.widgets, *hosts.widgets, *tasks.widgets], *(part.widgets for part in shown[3:])],
        )
        Budget(
            self,
            "Budget",
            name=name("budget"),
            environment=environment.name,
            limit_usd=environment.monthly_budget_usd,
            email=environment.alarm_email,
        )


def chat_topics(environment: Environment, topic: AlarmTopic) -> dict[SlackChannel | TeamsChannel, list[str]]:
    """The ARNs of the topics that each chat channel receives: of its levels, in both regions.

    The service is global, so alarms of the DR region reach the chat also when the primary region is lost.
    """
    channels: dict[SlackChannel | TeamsChannel, list[str]] = {}
    for level, targets in environment.alarm_targets.by_level().items() if environment.alarm_targets else ():
        other = resource_name(alarm_topic(level), environment)
        for channel in targets.chats:
            channels.setdefault(channel, []).extend(
                [
                    topic.level_topics[level].topic_arn,
                    f"arn:aws:sns:{environment.dr_region}:{environment.account}:{other}",
                ]
            )
    return channels
