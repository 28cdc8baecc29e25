"""A function whose code stands in its template: no asset to publish, none to lose."""

from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from payment_constructs.alarm_topic import AlarmTopic


class InlineFunction(lambda_.Function):
    """A Python function of one file, logged, whose failed events somebody reads.

    Args:
        code: Its file, which has a ``handler`` and needs nothing beside what AWS gives it.
        timeout: How long one call may take.
        role: Who it is; it gets no further rights here.
        log_group: Where it logs.
        topic: Is told of a failed asynchronous event; the role may publish there.
        variables: Its environment.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: Path,
        timeout: Duration,
        role: iam.IRole,
        log_group: logs.ILogGroup,
        topic: AlarmTopic,
        variables: dict[str, str] | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_inline(code.read_text(encoding="utf-8")),
            timeout=timeout,
            role=role,
            log_group=log_group,
            dead_letter_topic=topic.topic,
            environment=variables,
        )
