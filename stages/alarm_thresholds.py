"""The levels at which an environment's alarms fire."""

from collections.abc import Iterator
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmThresholds:
    """The levels at which an environment's alarms fire.

    Args:
        cpu_percent: Mean CPU use of the service.
        memory_percent: Mean memory use of the service.
        response_time_ms: 99th percentile of the response time, in milliseconds.
        error_rate_percent: Responses with a 5xx status per 100 requests.
        availability_percent: The objective that burn rates are reckoned against: requests per 100 that are answered
            without a 5xx status, over 30 days.
    """

    cpu_percent: float
    memory_percent: float
    response_time_ms: int
    error_rate_percent: float
    availability_percent: float

    def faults(self) -> Iterator[str]:
        """Says what is out of range."""
        for field in fields(self):
            value = getattr(self, field.name)
            most = 60_000 if field.name == "response_time_ms" else 100
            if not 0 < value <= most:
                yield f"alarms.{field.name} is {value}: give more than 0 and at most {most:,}."
        if self.availability_percent == 100:  # noqa: PLR2004 - all of them
            yield "alarms.availability_percent is 100: give less, or there is no error budget that could burn."
