"""A policy rule of this project, and the decorator that makes a check one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.policy.template import Finding, Template

Check = Callable[[Template], Iterator[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A check of templates for requirements of PCI DSS 4.0.1; an exception belongs in the check, where it is tested."""

    id: str  # the main requirement and a name, such as PCI-10.5.1-LogRetention
    requirements: tuple[str, ...]  # the requirements that the rule helps to meet
    description: str
    fix: str
    types: tuple[str, ...]  # the resource types that the rule checks
    check: Check

    def findings(self, template: Template) -> list[Finding]:
        """The findings in a template, one per location: one unknown value may fail several conditions."""
        found = {(finding.logical_id, finding.location): finding for finding in self.check(template)}
        return list(found.values())


def policy_rule(
    rule_id: str, *, requirements: tuple[str, ...] = (), description: str, fix: str, types: tuple[str, ...]
) -> Callable[[Check], Rule]:
    """Makes a check a rule, by default for the requirement of its id; the plugin finds it in its module."""
    numbers = requirements or (rule_id.split("-")[1],)
    return lambda check: Rule(
        id=rule_id, requirements=numbers, description=description, fix=fix, types=types, check=check
    )
