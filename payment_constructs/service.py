"""The payment service: containers on Fargate, behind the load balancer, with the rights they use and no others."""

from collections.abc import Iterable, Mapping
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.image import ServiceImage
from payment_constructs.load_balancer import CONTAINER_PORT, LoadBalancer
from payment_constructs.logs import LogGroup


class TaskIdentity(Construct):
    """The task role, to which each store grants what is done with it, and the execution role.

    Both are closed: what is granted stands in one managed policy each, so that a review sees all of it, and nothing
    that the CDK would add by itself.

    Args:
        repository_arn: The ECR repository that the image is pulled from.
    """

    def __init__(self, scope: Construct, construct_id: str, *, repository_arn: str) -> None:
        super().__init__(scope, construct_id)
        self.task_policy = iam.ManagedPolicy(self, "TaskPolicy")
        self.task_role = self._role("TaskRole", self.task_policy)
        self._execution_policy = iam.ManagedPolicy(self, "ExecutionPolicy")
        self.execution_role = self._role("ExecutionRole", self._execution_policy)
        self._execution_policy.add_statements(
            iam.PolicyStatement(
                actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                resources=[repository_arn],
            ),
            iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
        )
        acknowledge(
            self._execution_policy,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            control="ecr:GetAuthorizationToken knows no resource; what the token pulls is one named repository.",
        )

    def allow_logging(self, log_group: logs.ILogGroup) -> None:
        """Lets a starting task open its log stream."""
        self._execution_policy.add_statements(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
            )
        )

    def allow_configuration(
        self, *, parameters: Iterable[ssm.IStringParameter], secret: secretsmanager.ISecret, secret_key: kms.IKey
    ) -> None:
        """Lets a starting task read its configuration."""
        self._execution_policy.add_statements(
            iam.PolicyStatement(
                actions=["ssm:GetParameters"], resources=[parameter.parameter_arn for parameter in parameters]
            ),
            iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret.secret_arn]),
            iam.PolicyStatement(actions=["kms:Decrypt"], resources=[secret_key.key_arn]),
        )

    def _role(self, construct_id: str, policy: iam.ManagedPolicy) -> iam.IRole:
        stack = Stack.of(self)
        role = iam.Role(
            self,
            construct_id,
            # Only for tasks of this account (the confused-deputy guard of the ECS documentation).
            assumed_by=iam.ServicePrincipal(
                "ecs-tasks.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}
            ),
            managed_policies=[policy],
        )
        return role.without_policy_updates()


def service_deployment(*, canary_percent: int | None) -> dict[str, Any]:
    """The arguments of an ECS service that say so.

    Args:
        canary_percent: The share of requests that a release gets for ten minutes before it gets them all; None
            replaces the tasks one by one, and goes back when they fail.
    """
    if canary_percent is None:
        return {"circuit_breaker": ecs.DeploymentCircuitBreaker(enable=True, rollback=True)}
    return {
        "deployment_strategy": ecs.DeploymentStrategy.CANARY,
        "canary_configuration": ecs.TrafficShiftConfig(
            step_percent=canary_percent, step_bake_time=Duration.minutes(10)
        ),
        "bake_time": Duration.minutes(30),
    }


COOLDOWN = Duration.seconds(60)
QUEUED_MESSAGES = 100
"""Waiting messages that the service is sized for; above it grows."""


class ServiceScaling(Construct):
    """Target tracking on CPU (70 %), memory (70 %) and the queue's depth; the largest of the three wishes counts.

    Args:
        service: What is scaled.
        queue: What it works off.
        min_tasks: How many tasks run at least.
        max_tasks: How many run at most.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ecs.FargateService,
        queue: sqs.IQueue,
        min_tasks: int,
        max_tasks: int,
    ) -> None:
        super().__init__(scope, construct_id)
        tasks = service.auto_scale_task_count(min_capacity=min_tasks, max_capacity=max_tasks)
        tasks.scale_on_cpu_utilization(
            "Cpu", target_utilization_percent=70, scale_in_cooldown=COOLDOWN, scale_out_cooldown=COOLDOWN
        )
        tasks.scale_on_memory_utilization(
            "Memory", target_utilization_percent=70, scale_in_cooldown=COOLDOWN, scale_out_cooldown=COOLDOWN
        )
        tasks.scale_to_track_custom_metric(
            "QueueDepth",
            metric=queue.metric_approximate_number_of_messages_visible(period=Duration.minutes(1)),
            target_value=QUEUED_MESSAGES,
            scale_in_cooldown=COOLDOWN,
            scale_out_cooldown=COOLDOWN,
        )


CPU_UNITS = 1024
MEMORY_MIB = 2048
USER = "10001:10001"
"""Nobody that the host knows."""

ON_DEMAND, SPOT = "FARGATE", "FARGATE_SPOT"
"""The capacity that Fargate has."""


class PaymentService(Construct):
    """The cluster, the task and the service.

    The root file system is read-only, the user is not root, and the whole configuration arrives as secrets when a task
    starts: nothing of it stands in the task definition (PCI DSS 2.2.1, 8.6.2).

    Args:
        name: The name of cluster, service and task family.
        vpc: The network; tasks stand in its private subnets.
        load_balancer: Where requests come from.
        image: The container image, by its digest.
        identity: Who the tasks are.
        secrets: What a container finds in its environment, by variable; the identity may read them.
        gate_name: The alarm whose firing takes a deployment back; by its name, which needs nothing of the service.
        canary_percent: The share of requests that a new release gets for ten minutes before it gets them all; None
            replaces the tasks one by one, and goes back when they fail.
        spot: Whether the tasks run on spare capacity, which AWS takes back at two minutes' notice.
        log_key: Encrypts the log; it allows log groups.
        retain: Whether the log outlives its stack.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        vpc: ec2.IVpc,
        load_balancer: LoadBalancer,
        image: ServiceImage,
        identity: TaskIdentity,
        secrets: Mapping[str, ecs.Secret],
        gate_name: str,
        canary_percent: int | None,
        spot: bool,
        log_key: kms.IKey,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = LogGroup(self, "Log", key=log_key, retain=retain)
        identity.allow_logging(log_group)
        self.cluster = ecs.Cluster(
            self, "Cluster", cluster_name=name, vpc=vpc, container_insights_v2=ecs.ContainerInsights.ENHANCED
        )
        # By the resource's own property: what the CDK makes of it could be deleted while the service still needs it.
        resource = self.cluster.node.default_child
        assert isinstance(resource, ecs.CfnCluster)  # noqa: S101 - what an L2 cluster is made of
        resource.capacity_providers = [ON_DEMAND, SPOT]
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            family=name,
            cpu=CPU_UNITS,
            memory_limit_mib=MEMORY_MIB,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            task_role=identity.task_role,
            execution_role=identity.execution_role,
        )
        task.add_container(
            "Service",
            image=image.container_image(self),
            port_mappings=[ecs.PortMapping(container_port=CONTAINER_PORT)],
            secrets=dict(secrets),
            logging=ecs.LogDriver.aws_logs(stream_prefix="service", log_group=log_group),
            readonly_root_filesystem=True,
            user=USER,
            linux_parameters=ecs.LinuxParameters(self, "Linux", init_process_enabled=True),
        )
        self.security_group = self._security_group(vpc, load_balancer)
        self.service = ecs.FargateService(
            self,
            "Service",
            service_name=name,
            cluster=self.cluster,
            task_definition=task,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            security_groups=[self.security_group],
            # Not by launch type: CloudFormation would replace the service to change that, and its name is taken.
            capacity_provider_strategies=[
                ecs.CapacityProviderStrategy(capacity_provider=SPOT if spot else ON_DEMAND, weight=1)
            ],
            min_healthy_percent=100,
            max_healthy_percent=200,
            health_check_grace_period=Duration.seconds(60),
            enable_ecs_managed_tags=True,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
            deployment_alarms=ecs.DeploymentAlarmConfig(
                alarm_names=[gate_name], behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM
            ),
            **service_deployment(canary_percent=canary_percent),
        )
        if canary_percent:
            acknowledge(
                self.service,
                "Annotation::@aws-cdk/aws-ecs:shouldUseCircuitBreaker",
                control="ECS has none for canaries: the gate alarm stops and reverts the shift while it bakes.",
            )
        target = self.service.load_balancer_target(
            container_name="Service",
            container_port=CONTAINER_PORT,
            alternate_target=load_balancer.alternate_target() if canary_percent else None,
        )
        target.attach_to_application_target_group(load_balancer.target_group)
        # A service may not be made before its targets have a listener.
        self.service.node.add_dependency(load_balancer.rule)

    def _security_group(self, vpc: ec2.IVpc, load_balancer: LoadBalancer) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="The payment service", allow_all_outbound=False
        )
        # AWS's endpoints, the prefix lists of S3 and DynamoDB, and card networks: whatever is reached, by HTTPS alone.
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "HTTPS")
        group.connections.allow_from(load_balancer.security_group, ec2.Port.tcp(CONTAINER_PORT), "Requests")
        return group
