"""Alarms on the processing queue and its dead-letter queue."""

from functools import partial

from aws_cdk import Duration
from constructs import Construct

from payment_constructs.monitoring.alarm import MINUTE, NOT_BREACHING, Alarm, AlarmTopic, metric_math
from payment_constructs.monitoring.dashboard import graph
from payment_constructs.monitoring.gate import Gate
from payment_constructs.queue import ProcessingQueue

DEPTH = 1000
"""Messages; more than that arrive faster than the service processes them."""

AGE_SECONDS = 3 * 300
"""Three receives at a visibility timeout of 300 s: by then a message is processed or in the dead-letter queue."""


class ProcessingQueueMonitoring(Construct):
    """Alarms on the queue's depth, the age of its oldest message, and any message in the dead-letter queue.

    SQS stops reporting for a queue without activity for six hours: missing data is an idle queue, never breaching.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, processing: ProcessingQueue, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        queue, dead_letter_queue = processing.queue, processing.dead_letter_queue
        alarm = partial(Alarm, self, topic=topic, missing_data=NOT_BREACHING)
        depth = alarm(
            "Depth",
            metric=queue.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum"),
            threshold=DEPTH,
            datapoints=5,  # minutes, in which the service scales out on the depth
            description="Payments arrive in the processing queue faster than the service processes them.",
            runbook="processing-depth",
        )
        age = alarm(
            "Age",
            metric=queue.metric_approximate_age_of_oldest_message(period=MINUTE, statistic="Maximum"),
            threshold=AGE_SECONDS,
            datapoints=3,
            description="A payment has waited in the processing queue for longer than three attempts take.",
            runbook="processing-age",
        )
        failed = dead_letter_queue.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum")
        dead_letters = alarm(
            "DeadLetters",
            metric=failed,
            threshold=0,
            datapoints=1,
            description="A payment failed three times and is in the dead-letter queue, which keeps it for 14 days.",
            runbook="processing-dead-letters",
        )
        self.alarms = [depth, age, dead_letters]
        # Growth only: messages already in the dead-letter queue must not block the release that fixes their cause. A
        # burst grows the queue once, so one period is enough. Of five minutes, because a single minute without a data
        # point would be filled and look like growth; SQS reports a queue with messages.
        five_minutes = Duration.minutes(5)
        in_five_minutes = dead_letter_queue.metric_approximate_number_of_messages_visible(
            period=five_minutes, statistic="Maximum"
        )
        self.gates = [
            Gate(
                self,
                "Gate",
                topic=topic,
                name="gate-dead-letters",
                metric=metric_math(
                    "New dead letters",
                    "DIFF(FILL(dead_letters, 0))",
                    {"dead_letters": in_five_minutes},
                    period=five_minutes,
                ),
                datapoints=1,
                periods=3,  # as long as a message needs to become a dead letter
                missing_data=NOT_BREACHING,
                fault="payments fail and become dead letters",
            )
        ]
        self.widgets = [
            graph("Queue depth", depth.metric, alarms=[depth], unit="messages"),
            graph("Oldest message", age.metric, alarms=[age], unit="s"),
            graph("Dead letters", failed, unit="messages"),
        ]
