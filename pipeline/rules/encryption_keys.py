"""Encryption keys: new key material at least every year."""

from collections.abc import Iterator

from pipeline.rules.resource import Finding
from pipeline.rules.rule import Rule
from pipeline.rules.template import Template

KEY = "AWS::KMS::Key"

CRYPTOPERIOD_DAYS = 365
"""KMS's own period, where none is given."""


def _judge(template: Template) -> Iterator[Finding]:
    for key in template.of_type(KEY):
        if key.at("KeySpec") not in (None, "SYMMETRIC_DEFAULT"):
            # KMS cannot rotate it: its end has to be planned, and this rule told.
            yield key.finding("KeySpec")
            continue
        if key.at("EnableKeyRotation") is not True:
            yield key.finding("EnableKeyRotation")
        period = key.at("RotationPeriodInDays")
        if period is not None and not (isinstance(period, int) and period <= CRYPTOPERIOD_DAYS):
            yield key.finding("RotationPeriodInDays")


KEY_ROTATION = Rule(
    id="PCI-3.7.4-KeyRotation",
    requirements=("3.7.4",),
    asks=f"A KMS key rotates by itself, every {CRYPTOPERIOD_DAYS} days or more often.",
    remedy="Use payment_constructs.EncryptionKey, which rotates every year.",
    types=(KEY,),
    judge=_judge,
)
