"""The way in: one HTTPS listener, and nothing on port 80."""

from aws_cdk import Duration
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge

CONTAINER_PORT = 8080
HEALTH_PATH = "/health"
SHIFTING_POLICY = "AmazonECSInfrastructureRolePolicyForLoadBalancers"


class LoadBalancer(Construct):
    """An internet-facing load balancer that takes TLS 1.3 and 1.2, post-quantum key exchange included (PCI DSS 4.2.1).

    Plain HTTP is not even redirected: an API's client that begins with it has sent its secrets already. The target
    group, its health check and both security groups speak the container's port.

    Args:
        name: The load balancer's name.
        vpc: The network; the load balancer stands in its public subnets.
        certificate_arn: An ACM certificate of this region and account.
        access_logs: Where each request is logged.
        retain: Whether the load balancer is protected from deletion.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        vpc: ec2.IVpc,
        certificate_arn: str,
        access_logs: s3.IBucket,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="HTTPS from the internet", allow_all_outbound=False
        )
        self.security_group.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "HTTPS from the internet")
        acknowledge(
            self.security_group,
            "AwsSolutions::AwsSolutions-EC23",
            control="A public payment endpoint: port 443 and TLS only, behind a web application firewall that blocks.",
        )
        self.balancer = elbv2.ApplicationLoadBalancer(
            self,
            "Balancer",
            load_balancer_name=name,
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            internet_facing=True,
            security_group=self.security_group,
            deletion_protection=retain,
            drop_invalid_header_fields=True,
            desync_mitigation_mode=elbv2.DesyncMitigationMode.STRICTEST,
        )
        self.balancer.log_access_logs(access_logs, "load-balancer")
        if not retain:
            acknowledge(
                self.balancer,
                "NIST.800.53.R5::NIST.800.53.R5-ELBDeletionProtectionEnabled",
                control="The environment is destroyable by its settings; where data is retained, protection is on.",
            )
        self._vpc = vpc
        self.target_group = self._target_group("Targets")
        self.target_groups = [self.target_group]
        listener = self.balancer.add_listener(
            "Https",
            port=443,
            protocol=elbv2.ApplicationProtocol.HTTPS,
            ssl_policy=elbv2.SslPolicy.TLS13_12_RES_PQ,
            certificates=[acm.Certificate.from_certificate_arn(self, "Certificate", certificate_arn)],
            default_action=elbv2.ListenerAction.fixed_response(404),
            open=False,
        )
        self.rule = elbv2.ApplicationListenerRule(
            self,
            "EveryPath",
            listener=listener,
            priority=1,
            conditions=[elbv2.ListenerCondition.path_patterns(["/*"])],
            action=elbv2.ListenerAction.forward([self.target_group]),
        )

    def alternate_target(self) -> ecs.AlternateTarget:
        """A second group of containers, which ECS moves requests to when a release is tried on a part of them."""
        role = iam.Role(
            self,
            "ShiftingRole",
            assumed_by=iam.ServicePrincipal("ecs.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(SHIFTING_POLICY)],
        )
        acknowledge(
            role,
            f"AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{SHIFTING_POLICY}]",
            control="AWS's own policy for this role of ECS, which may register targets and turn listener rules.",
        )
        alternate = self._target_group("AlternateTargets")
        self.target_groups.append(alternate)
        return ecs.AlternateTarget(
            "AlternateTarget",
            alternate_target_group=alternate,
            production_listener=ecs.ListenerRuleConfiguration.application_listener_rule(self.rule),
            role=role,
        )

    def _target_group(self, construct_id: str) -> elbv2.ApplicationTargetGroup:
        return elbv2.ApplicationTargetGroup(
            self,
            construct_id,
            vpc=self._vpc,
            port=CONTAINER_PORT,
            protocol=elbv2.ApplicationProtocol.HTTP,
            target_type=elbv2.TargetType.IP,
            deregistration_delay=Duration.seconds(30),
            health_check=elbv2.HealthCheck(
                path=HEALTH_PATH,
                port=str(CONTAINER_PORT),
                healthy_http_codes="200",
                interval=Duration.seconds(15),
                timeout=Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )
