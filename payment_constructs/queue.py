"""The processing queue and its dead-letter queue."""

from functools import partial

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from payment_constructs.keys import EncryptionKey, through


class ProcessingQueue(Construct):
    """SQS queue and dead-letter queue (after three receives), with a key of their own and over TLS only."""

    def __init__(
        self, scope: Construct, construct_id: str, *, queue_name: str, dead_letter_queue_name: str, retain: bool
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = EncryptionKey(self, "Key", purpose=f"Processing queue {queue_name}", retain=retain)
        queue = partial(
            sqs.Queue,
            self,
            encryption_master_key=self.key,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if retain else RemovalPolicy.DESTROY,
        )
        self.dead_letter_queue = queue(
            "DeadLetterQueue", queue_name=dead_letter_queue_name, retention_period=Duration.days(14)
        )
        self.queue = queue(
            "Queue",
            queue_name=queue_name,
            visibility_timeout=Duration.seconds(300),
            # Less than the dead-letter queue's: a message that is moved there keeps the time when it was first sent.
            # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
            retention_period=Duration.days(7),
            dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=3, queue=self.dead_letter_queue),
        )

    def grant_use(self, policy: iam.ManagedPolicy) -> None:
        """Allows sending, receiving and deleting messages of the queue, not of the dead-letter queue."""
        policy.add_statements(
            iam.PolicyStatement(
                actions=[
                    "sqs:ChangeMessageVisibility",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                    "sqs:ReceiveMessage",
                    "sqs:SendMessage",
                ],
                resources=[self.queue.queue_arn],
            ),
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[self.key.key_arn],
                conditions=through("sqs", Stack.of(self).region),
            ),
        )
