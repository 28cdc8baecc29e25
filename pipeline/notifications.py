"""Where the delivery tells what became of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stages.environment_faults import EMAIL
from stages.settings_error import SettingsError

TOPIC = re.compile(r"arn:aws:sns:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):[A-Za-z0-9_-]{1,256}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """Who is told of failures, approvals that are wanted, successes, and gates that change.

    Args:
        email: A mailbox. It gets a confirmation request first, and nothing until that is answered.
        chat_topic_arn: A topic that a chat client listens to, such as Amazon Q Developer in chat applications; none by
            default. It stands in the pipeline's account and region, and lets EventBridge publish.

    Raises:
        SettingsError: With every fault of the record.
    """

    email: str
    chat_topic_arn: str | None = None

    def __post_init__(self) -> None:
        SettingsError.raise_if_any(f"notifications.{fault}" for fault in self._faults())

    def place_faults(self, *, account: str, region: str) -> Iterator[str]:
        """Says what is wrong with where the chat's topic stands: EventBridge tells nobody elsewhere.

        Args:
            account: The pipeline's account.
            region: The pipeline's region.
        """
        topic = TOPIC.fullmatch(self.chat_topic_arn or "")
        if topic and (topic["account"], topic["region"]) != (account, region):
            yield (
                f"notifications.chat_topic_arn is {self.chat_topic_arn!r}: "
                f"give a topic of the pipeline's own account and region, {account} and {region}."
            )

    def _faults(self) -> Iterator[str]:
        # JSON has more than text.
        if not (isinstance(self.email, str) and EMAIL.fullmatch(self.email)):
            yield f"email is {self.email!r}: give one e-mail address, such as payments@example.com."
        topic = self.chat_topic_arn
        if topic is not None and not (isinstance(topic, str) and TOPIC.fullmatch(topic)):
            yield f"chat_topic_arn is {topic!r}: give arn:aws:sns:REGION:ACCOUNT:NAME, or leave it out."
