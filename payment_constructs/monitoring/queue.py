"""What is watched of the processing queue and its dead-letter queue."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from payment_constructs.monitoring.alarm import Alarm, AlarmTopic
from payment_constructs.monitoring.dashboard import graph
from payment_constructs.monitoring.gate import Breach

DEPTH = 1000
"""Messages that may wait: more is work that nobody keeps up with."""

AGE_SECONDS = 3 * 300
"""Three receives at a visibility timeout of 300 s: by then a message is done or in the dead-letter queue."""


class ProcessingQueueMonitoring(Construct):
    """Alarms on waiting messages, on the age of the oldest, and on any message that was given up.

    SQS stops reporting for a queue that nobody has touched for six hours, so missing data is an idle queue and never
    breaching:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html

    Args:
        queue: The processing queue.
        dead_letter_queue: Where its messages go that failed three times.
        topic: Where alarms are told.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        queue: sqs.IQueue,
        dead_letter_queue: sqs.IQueue,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        minute = Duration.minutes(1)
        depth = Alarm(
            self,
            "Depth",
            topic=topic,
            what="processing-depth",
            metric=queue.metric_approximate_number_of_messages_visible(period=minute, statistic="Maximum"),
            threshold=DEPTH,
            # The service scales on the depth too: five minutes are its chance.
            datapoints=5,
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="Payments are waiting in the processing queue faster than they are worked off.",
            runbook="processing-depth",
        )
        age = Alarm(
            self,
            "Age",
            topic=topic,
            what="processing-age",
            metric=queue.metric_approximate_age_of_oldest_message(period=minute, statistic="Maximum"),
            threshold=AGE_SECONDS,
            datapoints=3,
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="A payment has been waiting in the processing queue for longer than three attempts take.",
            runbook="processing-age",
        )
        given_up = dead_letter_queue.metric_approximate_number_of_messages_visible(period=minute, statistic="Maximum")
        dead_letters = Alarm(
            self,
            "DeadLetters",
            topic=topic,
            what="processing-dead-letters",
            metric=given_up,
            threshold=0,
            datapoints=1,
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="A payment failed three times and lies in the dead-letter queue, for 14 days.",
            runbook="processing-dead-letters",
        )
        self.alarms = [depth, age, dead_letters]
        self.breaches = [
            Breach(
                # Growth, not presence: old dead letters must not keep out the release that repairs what made them.
                condition="DIFF(FILL(dead_letters, 0)) > 0",
                metrics={"dead_letters": given_up},
            )
        ]
        self.widgets = [
            graph("Queue depth", depth.metric, alarms=[depth], unit="messages"),
            graph("Oldest message", age.metric, alarms=[age], unit="s"),
            graph("Dead letters", given_up, unit="messages"),
        ]
