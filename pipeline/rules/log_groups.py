"""How long log groups keep their entries."""

from collections.abc import Iterator

from pipeline.rules.resource import Finding
from pipeline.rules.rule import Rule
from pipeline.rules.template import Template

TYPES = ("AWS::Logs::LogGroup", "Custom::LogRetention")

DAYS = 365
"""Twelve months."""

DAYS_WHERE_RETAINED = 400
"""CloudWatch's next step above 365, which in a leap year are not twelve months."""


def _judge(template: Template) -> Iterator[Finding]:
    least = DAYS_WHERE_RETAINED if template.retains_data else DAYS
    for log_group in template.of_type(*TYPES):
        match log_group.at("RetentionInDays"):
            case None:
                # Without an end. The PCI pack objects to that, and this rule does not.
                continue
            case int(days) if days >= least:
                continue
            case _:
                yield log_group.finding("RetentionInDays")


LOG_RETENTION = Rule(
    id="PCI-10.5.1-LogRetention",
    requirements=("10.5.1",),
    asks=f"Log groups keep their entries for {DAYS} days, where data is retained for {DAYS_WHERE_RETAINED}.",
    remedy="Use payment_constructs.LogGroup, which keeps entries for 400 days.",
    types=TYPES,
    judge=_judge,
)
