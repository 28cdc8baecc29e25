"""Application Load Balancer with one HTTPS listener and nothing on port 80."""

from aws_cdk import Duration
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.roles import service_role

CONTAINER_PORT = 8080
HEALTH_PATH = "/health"


class LoadBalancer(Construct):
    """Internet-facing load balancer for TLS 1.3 and 1.2, with post-quantum key exchange (PCI DSS 4.2.1).

    It does not redirect plain HTTP: an API client that starts with HTTP has already sent its secrets. Target groups,
    health check and both security groups use the container's port.

    A canary deployment shifts requests between two target groups. Both exist in every environment, so that turning a
    canary on or off changes the service alone.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        vpc: ec2.IVpc,
        certificate_arn: str,  # an ACM certificate of this region and account
        access_logs: s3.IBucket,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self._vpc = vpc
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
        self.target_group = self._target_group("Targets")
        self._alternate = self._target_group("AlternateTargets")
        self.target_groups = [self.target_group, self._alternate]
        self._shifting_role = service_role(
            self,
            "ShiftingRole",
            service="ecs.amazonaws.com",
            policy="AmazonECSInfrastructureRolePolicyForLoadBalancers",
            control="AWS's managed policy for this ECS role, which may register targets and change listener rules.",
        )
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
            # ECS rolls a canary back if its production rule does not name both target groups. It changes the weights:
            # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/migrate-code-deploy-to-ecs-blue-green.html
            action=elbv2.ListenerAction.weighted_forward(
                [
                    elbv2.WeightedTargetGroup(target_group=self.target_group, weight=100),
                    elbv2.WeightedTargetGroup(target_group=self._alternate, weight=0),
                ]
            ),
        )

    def alternate_target(self) -> ecs.AlternateTarget:
        """The second target group, to which ECS shifts requests in a canary deployment."""
        return ecs.AlternateTarget(
            "AlternateTarget",
            alternate_target_group=self._alternate,
            production_listener=ecs.ListenerRuleConfiguration.application_listener_rule(self.rule),
            role=self._shifting_role,
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
