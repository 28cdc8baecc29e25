"""What the tooling account may do in an environment besides deploying it: verify it, and look at its gate."""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from payment_constructs.gate_reader import GateReader
from payment_constructs.trusted_roles import trusted_roles
from payment_constructs.verification_role import VerificationRole
from stages.data_layer import DataLayer
from stages.environment import Environment
from stages.names import PIPELINE_ROLE, gate_reader_name, verification_role_name, verifier_name


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
