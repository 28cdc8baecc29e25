"""The payment service: ECS on Fargate behind the load balancer, its IAM roles, deployments and scaling."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration, Names
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.image import TEMPORARY_MIB, USER, ServiceImage
from payment_constructs.load_balancer import CONTAINER_PORT, LoadBalancer
from payment_constructs.logs import LogGroup
from payment_constructs.roles import service_principal

ON_DEMAND, SPOT = "FARGATE", "FARGATE_SPOT"
"""Fargate's capacity providers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """The steps of a deployment: a share of the requests to the new release, then all of them, each for a time."""

    percent: int  # of requests, to the new release
    step_minutes: int  # before it gets all requests
    bake_minutes: int  # after that, until the tasks of the old release stop

    @property
    def minutes(self) -> int:
        """The length of both steps."""
        return self.step_minutes + self.bake_minutes

    def faults(self) -> Iterator[str]:
        """Yields a sentence for each invalid field."""
        if not 1 <= self.percent <= 50:  # noqa: PLR2004
            yield f"canary.percent is {self.percent}: give 1 to 50, the first share of requests."
        # An alarm's data points cover at most a day.
        for field, least in (("step_minutes", 1), ("bake_minutes", 5)):
            if not least <= getattr(self, field) <= 360:  # noqa: PLR2004
                yield f"canary.{field} is {getattr(self, field)}: give {least} to 360 minutes."


class PaymentService(Construct):
    """ECS cluster, task definition and service.

    The root file system is read-only, the user is not root, and a task reads its whole configuration as secrets when it
    starts: the task definition contains no secret and no literal value of it (PCI DSS 2.2.1, 8.6.2).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,  # of the cluster, the service and the task family
        vpc: ec2.IVpc,
        load_balancer: LoadBalancer,
        image: ServiceImage,
        architecture: str,  # ARM64 or X86_64, that of the image
        identity: "TaskIdentity",
        secrets: Mapping[str, ecs.Secret],  # by environment variable; the identity must be allowed to read them
        labels: Mapping[str, str],  # of the container; they differ when a value of its configuration does
        alarm_name: str,  # rolls a deployment back; by name, because the alarm is created before the service
        canary: Canary | None,  # None is a rolling deployment
        spot: bool,  # Fargate Spot, which AWS can interrupt with two minutes' notice
        log_key: kms.IKey,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = LogGroup(self, "Log", key=log_key, retain=retain)
        identity.allow_logging(log_group)
        self.cluster = ecs.Cluster(
            self, "Cluster", cluster_name=name, vpc=vpc, container_insights_v2=ecs.ContainerInsights.ENHANCED
        )
        # A property of the L1: the CDK's separate resource could be deleted while the service still needs it.
        resource = self.cluster.node.default_child
        assert isinstance(resource, ecs.CfnCluster)  # noqa: S101 - the type of an L2 cluster's default child
        resource.capacity_providers = [ON_DEMAND, SPOT]
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            family=name,
            cpu=1024,
            memory_limit_mib=2048,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.of(architecture),
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            task_role=identity.task_role,
            execution_role=identity.execution_role,
        )
        linux = ecs.LinuxParameters(self, "Linux", init_process_enabled=True)
        # Not a bind mount, which belongs to root, with mode 0755, unless the image declares the same path as a VOLUME:
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html. Every user may write to a tmpfs.
        # Fargate: https://aws.amazon.com/about-aws/whats-new/2026/01/amazon-ecs-tmpfs-mounts-aws-fargate-managed-instances/
        linux.add_tmpfs(
            ecs.Tmpfs(
                container_path="/tmp",  # noqa: S108 - the container's own
                size=TEMPORARY_MIB,
                mount_options=[
                    ecs.TmpfsMountOption.NODEV,
                    ecs.TmpfsMountOption.NOEXEC,
                    ecs.TmpfsMountOption.NOSUID,
                ],
            )
        )
        task.add_container(
            "Service",
            image=image.container_image(self),
            port_mappings=[ecs.PortMapping(container_port=CONTAINER_PORT)],
            secrets=dict(secrets),
            docker_labels=dict(labels),
            logging=ecs.LogDriver.aws_logs(stream_prefix="service", log_group=log_group),
            readonly_root_filesystem=True,
            user=USER,
            linux_parameters=linux,
        )
        self.security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="The payment service", allow_all_outbound=False
        )
        # AWS's endpoints, the prefix lists of S3 and DynamoDB, and card networks: over HTTPS only.
        self.security_group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "HTTPS")
        self.security_group.connections.allow_from(
            load_balancer.security_group, ec2.Port.tcp(CONTAINER_PORT), "Requests"
        )
        deployment: dict[str, Any] = {"circuit_breaker": ecs.DeploymentCircuitBreaker(enable=True, rollback=True)}
        if canary:
            deployment = {
                "deployment_strategy": ecs.DeploymentStrategy.CANARY,
                "canary_configuration": ecs.TrafficShiftConfig(
                    step_percent=canary.percent, step_bake_time=Duration.minutes(canary.step_minutes)
                ),
                "bake_time": Duration.minutes(canary.bake_minutes),
            }
        self.service = ecs.FargateService(
            self,
            "Service",
            service_name=name,
            cluster=self.cluster,
            task_definition=task,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            security_groups=[self.security_group],
            # No launch type: a change of it replaces the service, which fails because the name is taken.
            capacity_provider_strategies=[
                ecs.CapacityProviderStrategy(capacity_provider=SPOT if spot else ON_DEMAND, weight=1)
            ],
            min_healthy_percent=100,
            max_healthy_percent=200,
            health_check_grace_period=Duration.seconds(60),
            enable_ecs_managed_tags=True,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
            deployment_alarms=ecs.DeploymentAlarmConfig(
                alarm_names=[alarm_name], behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM
            ),
            **deployment,
        )
        if canary:
            acknowledge(
                self.service,
                "Annotation::@aws-cdk/aws-ecs:shouldUseCircuitBreaker",
                control=(
                    "ECS has no circuit breaker for canary deployments: the deployment alarm rolls them back, and an "
                    "event and an alarm report tasks that do not start."
                ),
            )
        target = self.service.load_balancer_target(
            container_name="Service",
            container_port=CONTAINER_PORT,
            alternate_target=load_balancer.alternate_target() if canary else None,
        )
        target.attach_to_application_target_group(load_balancer.target_group)
        # ECS creates no service whose target group has no listener.
        self.service.node.add_dependency(load_balancer.rule)


class TaskIdentity(Construct):
    """Task role, to which each data store grants its use, and execution role.

    Each role has one managed policy with all its permissions, and the CDK cannot add others.
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
            control="ecr:GetAuthorizationToken supports no resource ARN; the token pulls from one named repository.",
        )

    def allow_logging(self, log_group: LogGroup) -> None:
        """Allows the execution role to write the task's log."""
        self._execution_policy.add_statements(log_group.write_statement())

    def allow_configuration(
        self, *, parameters: Iterable[ssm.IStringParameter], secret_statements: Iterable[iam.PolicyStatement]
    ) -> None:
        """Allows the execution role to read the task's configuration and the secret."""
        self._execution_policy.add_statements(
            iam.PolicyStatement(
                actions=["ssm:GetParameters"], resources=[parameter.parameter_arn for parameter in parameters]
            ),
            *secret_statements,
        )

    def _role(self, construct_id: str, policy: iam.ManagedPolicy) -> iam.IRole:
        tasks = service_principal(self, "ecs-tasks.amazonaws.com")
        return iam.Role(self, construct_id, assumed_by=tasks, managed_policies=[policy]).without_policy_updates()


BACKLOG = 100
"""Waiting messages per running task that the service is sized for."""


class ServiceScaling(Construct):
    """Target tracking on CPU (70 %), memory (70 %) and the backlog per task; ECS takes the highest task count."""

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
        cooldown = Duration.seconds(60)
        tasks.scale_on_cpu_utilization(
            "Cpu", target_utilization_percent=70, scale_in_cooldown=cooldown, scale_out_cooldown=cooldown
        )
        tasks.scale_on_memory_utilization(
            "Memory", target_utilization_percent=70, scale_in_cooldown=cooldown, scale_out_cooldown=cooldown
        )
        target = tasks.node.find_child("Target")
        assert isinstance(target, scaling.ScalableTarget)  # noqa: S101 - the target of an L2's task count
        # An L1, because the L2 refuses metric math.
        policy = scaling.CfnScalingPolicy
        policy(
            self,
            "Backlog",
            policy_name=Names.unique_id(self),
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.scalable_target_id,
            target_tracking_scaling_policy_configuration=policy.TargetTrackingScalingPolicyConfigurationProperty(
                customized_metric_specification=policy.CustomizedMetricSpecificationProperty(
                    metrics=_backlog_per_task(service, queue)
                ),
                target_value=BACKLOG,
                scale_in_cooldown=cooldown.to_seconds(),
                scale_out_cooldown=cooldown.to_seconds(),
            ),
        )


def _backlog_per_task(
    service: ecs.FargateService, queue: sqs.IQueue
) -> list[scaling.CfnScalingPolicy.TargetTrackingMetricDataQueryProperty]:
    """Waiting messages per running task, with the metrics and statistics of AWS's example.

    https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking-metric-math.html

    The messages are filled, since SQS does not report a queue that was idle for six hours, and a policy without data
    keeps the others from scaling in. Without a running task there is no value, and nothing to scale.
    """
    policy = scaling.CfnScalingPolicy

    def metric(
        query: str, namespace: str, name: str, statistic: str, dimensions: Mapping[str, str]
    ) -> scaling.CfnScalingPolicy.TargetTrackingMetricDataQueryProperty:
        return policy.TargetTrackingMetricDataQueryProperty(
            id=query,
            metric_stat=policy.TargetTrackingMetricStatProperty(
                metric=policy.TargetTrackingMetricProperty(
                    namespace=namespace,
                    metric_name=name,
                    dimensions=[
                        policy.TargetTrackingMetricDimensionProperty(name=key, value=value)
                        for key, value in dimensions.items()
                    ],
                ),
                stat=statistic,
            ),
            return_data=False,
        )

    tasks = {"ClusterName": service.cluster.cluster_name, "ServiceName": service.service_name}
    return [
        metric("waiting", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Sum", {"QueueName": queue.queue_name}),
        metric("running", "ECS/ContainerInsights", "RunningTaskCount", "Average", tasks),
        policy.TargetTrackingMetricDataQueryProperty(
            id="backlog", expression="FILL(waiting, 0) / running", return_data=True
        ),
    ]
