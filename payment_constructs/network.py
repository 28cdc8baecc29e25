"""The VPC: three zones with public, private and isolated subnets, flow log and endpoints."""

from collections.abc import Mapping, Sequence

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.logs import LogGroup
from payment_constructs.roles import service_principal

SERVICE_ENDPOINTS = {
    "Ecr": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrDocker": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Kms": ec2.InterfaceVpcEndpointAwsService.KMS,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "Sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
    "Ssm": ec2.InterfaceVpcEndpointAwsService.SSM,
}
"""The AWS services that the payment service calls; their traffic stays inside the VPC."""


class Network(Construct):
    """VPC with its flow log and its endpoints.

    Public subnets contain the load balancer and the NAT gateways, private ones the service, isolated ones the database:
    their route tables have no route to the internet (PCI DSS 1.4.4).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cidr: str,
        nat_gateways: int,  # zones with a NAT gateway of their own
        endpoint_zones: int,  # zones with interface endpoints; with 0, calls go through NAT gateways, over TLS
        log_key: kms.IKey,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(cidr),
            max_azs=3,
            nat_gateways=nat_gateways,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Public", subnet_type=ec2.SubnetType.PUBLIC, map_public_ip_on_launch=False
                ),
                ec2.SubnetConfiguration(name="Private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
                ec2.SubnetConfiguration(name="Database", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            ],
            # The CDK does it with a Lambda function from a file asset; Housekeeping does it without one.
            restrict_default_security_group=False,
        )
        for subnet in self.vpc.public_subnets:
            acknowledge(
                subnet.node.find_child("DefaultRoute"),
                "NIST.800.53.R5::NIST.800.53.R5-VPCNoUnrestrictedRouteToIGW",
                "PCI.DSS.321::PCI.DSS.321-VPCNoUnrestrictedRouteToIGW",
                control=(
                    "An internet-facing load balancer and NAT gateways need it. The subnet has no other resources and "
                    "assigns no public addresses on launch, and the service and the database have no such route."
                ),
            )
        for subnet in (*self.vpc.public_subnets, *self.vpc.private_subnets, *self.vpc.isolated_subnets):
            acknowledge(
                subnet,
                "CloudFormation-Validate::W3010",
                control="Named zones: a look-up needs credentials, and zones by index move subnets when AWS adds one.",
            )
        self._add_flow_log(key=log_key, retain=retain)
        self._endpoints = self._gateways() | self._interfaces(cidr=cidr, zones=endpoint_zones)

    def limit_endpoints(self, resources: Mapping[str, Sequence[str]]) -> None:
        """Limits endpoints, by service, to these ARNs; what the VPC sends cannot reach another account's resources.

        A service without an endpoint is reached through the NAT gateways, which no policy limits.
        """
        for service, arns in resources.items():
            if endpoint := self._endpoints.get(service):
                endpoint.add_to_policy(_anyone(f"{service.lower()}:*", arns))
        # ECR stores the layers of images in a bucket of AWS:
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
        layers = f"arn:aws:s3:::prod-{Stack.of(self).region}-starport-layer-bucket/*"
        self._endpoints["S3"].add_to_policy(_anyone("s3:GetObject", [layers]))

    def _gateways(self) -> dict[str, ec2.VpcEndpoint]:
        return {
            name: self.vpc.add_gateway_endpoint(name, service=service)
            for name, service in (
                ("S3", ec2.GatewayVpcEndpointAwsService.S3),
                ("DynamoDb", ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            )
        }

    def _add_flow_log(self, *, key: kms.IKey, retain: bool) -> None:
        log_group = LogGroup(self, "FlowLogGroup", key=key, retain=retain)
        policy = iam.ManagedPolicy(
            self,
            "FlowLogPolicy",
            statements=[
                iam.PolicyStatement(
                    actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                    resources=[log_group.log_group_arn],
                )
            ],
        )
        role = iam.Role(
            self,
            "FlowLogRole",
            assumed_by=service_principal(self, "vpc-flow-logs.amazonaws.com"),
            managed_policies=[policy],
        )
        self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(log_group, role.without_policy_updates()),
            traffic_type=ec2.FlowLogTrafficType.ALL,
        )

    def _interfaces(self, *, cidr: str, zones: int) -> dict[str, ec2.VpcEndpoint]:
        if not zones:
            return {}
        group = ec2.SecurityGroup(
            self,
            "EndpointSecurityGroup",
            vpc=self.vpc,
            description="HTTPS from the VPC to the interface endpoints",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(ec2.Peer.ipv4(cidr), ec2.Port.HTTPS, "HTTPS from the VPC")
        return {
            name: self.vpc.add_interface_endpoint(
                name,
                service=service,
                security_groups=[group],
                open=False,
                subnets=ec2.SubnetSelection(subnets=self.vpc.private_subnets[:zones]),
            )
            for name, service in SERVICE_ENDPOINTS.items()
        }


def _anyone(action: str, resources: Sequence[str]) -> iam.PolicyStatement:
    """For every principal: an endpoint policy grants nothing, it only limits what IAM grants."""
    return iam.PolicyStatement(principals=[iam.StarPrincipal()], actions=[action], resources=list(resources))


def network_interface_statements() -> list[iam.PolicyStatement]:
    """Allow Lambda to attach a function to the VPC with the function's role, and deny it to the function's own code.

    Calls of a function's code have the condition key ``lambda:SourceFunctionArn``; Lambda's own have not.
    """
    actions = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ]
    by_code = {"Null": {"lambda:SourceFunctionArn": "false"}}
    return [
        iam.PolicyStatement(actions=actions, resources=["*"]),
        iam.PolicyStatement(effect=iam.Effect.DENY, actions=actions, resources=["*"], conditions=by_code),
    ]
