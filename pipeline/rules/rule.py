"""A rule of our own: what a requirement of PCI DSS 4.0.1 asks of a template."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.rules.resource import Finding
from pipeline.rules.template import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of our own.

    Args:
        id: The requirement that it is foremost about, and its subject, such as ``PCI-10.5.1-LogRetention``.
        requirements: Every requirement of PCI DSS 4.0.1 that it helps to keep.
        asks: One sentence: what must be so.
        remedy: One sentence: what to do about a finding.
        types: The resource types that it judges.
        judge: Finds what breaks it in a template.
    """

    id: str
    requirements: tuple[str, ...]
    asks: str
    remedy: str
    types: tuple[str, ...]
    judge: Callable[[Template], Iterator[Finding]]

    def findings(self, template: Template) -> list[Finding]:
        """What it finds in a template, each place once: one value may leave several questions open."""
        found = {(finding.logical_id, finding.location): finding for finding in self.judge(template)}
        return list(found.values())
