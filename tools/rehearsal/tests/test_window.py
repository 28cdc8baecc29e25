"""Deployment windows: cron expressions in their time zone."""

from datetime import UTC, datetime

import pytest

from cdk_rehearsal.conditions import Window
from cdk_rehearsal.errors import DeliveryError

OFFICE = Window.parse("* * 9-16 ? * MON-THU *", time_zone="Asia/Singapore")


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (datetime(2026, 11, 23, 1, 0, tzinfo=UTC), True),  # Monday 09:00 in Singapore
        (datetime(2026, 11, 23, 0, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 23, 8, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 9, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 27, 3, 0, tzinfo=UTC), False),  # Friday
        (datetime(2026, 11, 22, 3, 0, tzinfo=UTC), False),  # Sunday
    ],
)
def test_it_is_open_in_office_hours(moment: datetime, is_open: bool) -> None:
    assert OFFICE.is_open(moment) is is_open


def test_the_next_opening_is_in_the_time_zone_of_the_window() -> None:
    opens = OFFICE.opens(datetime(2026, 11, 26, 12, 0, tzinfo=UTC))  # Thursday evening
    assert opens is not None
    assert (opens.strftime("%A %H:%M"), opens.utcoffset()) == ("Monday 09:00", opens.utcoffset())


def test_a_window_that_never_opens_again_has_no_next_opening() -> None:
    assert Window.parse("* * * ? * * 2020", time_zone="UTC").opens(datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("cron", "time_zone", "reason"),
    [
        ("* * 9-16 ? * MON-THU", "Asia/Atlantis", "'Asia/Atlantis', which does not exist"),
        ("* * 9-16", "UTC", "needs six fields"),
        ("* * 9-25 ? * *", "UTC", "'9-25' as its hours"),
        ("* * 16-9 ? * *", "UTC", "'16-9' as its hours"),
        ("* */5 * ? * *", "UTC", "'\\*/5' as its minutes"),
        ("* * * ? * MONDAY", "UTC", "'MONDAY' as its days of week"),
    ],
)
def test_an_unsupported_cron_expression_is_refused(cron: str, time_zone: str, reason: str) -> None:
    with pytest.raises(DeliveryError, match=reason):
        Window.parse(cron, time_zone=time_zone)
