"""The way of a request: load balancer, firewall, and the service with its identity and its scaling."""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_kms as kms
from constructs import Construct

from payment_constructs.database import PORT
from payment_constructs.firewall import Firewall
from payment_constructs.load_balancer import LoadBalancer
from payment_constructs.parameters import Parameters
from payment_constructs.payment_service import PaymentService
from payment_constructs.service_scaling import ServiceScaling
from payment_constructs.task_identity import TaskIdentity
from stages.data_layer import DataLayer
from stages.environment import Environment
from stages.names import resource_name


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
