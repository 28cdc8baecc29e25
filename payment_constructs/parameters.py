"""Where other systems find the platform: its endpoints as SSM parameters under one path."""

from aws_cdk import aws_ssm as ssm
from constructs import Construct


class Parameters(Construct):
    """The published names of an environment.

    Args:
        path: The path that they stand under, such as ``/payment/dev``.
        queue_url: The processing queue.
        session_table_name: The session table.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, path: str, queue_url: str, session_table_name: str
    ) -> None:
        super().__init__(scope, construct_id)
        ssm.StringParameter(self, "QueueUrl", parameter_name=f"{path}/queue/url", string_value=queue_url)
        ssm.StringParameter(
            self, "SessionTable", parameter_name=f"{path}/dynamodb/table", string_value=session_table_name
        )
