"""What a release changes in the monthly cost: the lines of it that a plan shows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.costs.estimate import Estimate, estimate, together


@dataclass(frozen=True, slots=True, kw_only=True)
class StackCost:
    """A stack before and after a release.

    Args:
        name: The stack as CloudFormation knows it.
        before: What it costs now; nothing where it does not stand.
        after: What it will cost.
    """

    name: str
    before: Estimate
    after: Estimate

    @classmethod
    def compare(
        cls, *, name: str, region: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
    ) -> "StackCost":
        """Prices the template that stands, if one does, and the one that comes.

        Raises:
            PriceError: When the price table lacks a price.
        """
        return cls(name=name, before=estimate(before or {}, region=region), after=estimate(after, region=region))


def cost_changes(stacks: list[StackCost]) -> Iterator[str]:
    """A line for each stack that becomes cheaper or dearer, what nobody has priced, and all together last."""
    for stack in stacks:
        if moved := _moved(stack):
            yield f"{stack.name}: {stack.before.usd:,.0f} -> {stack.after.usd:,.0f} USD a month: {', '.join(moved)}"
    before, after = (together(getattr(stack, side) for stack in stacks) for side in ("before", "after"))
    if after.unpriced:
        yield f"not counted, because nobody has priced it: {', '.join(after.unpriced)}"
    yield _total(before, after)


def _moved(stack: StackCost) -> list[str]:
    old, new = stack.before.by_group(), stack.after.by_group()
    changes = {group: new.get(group, 0) - old.get(group, 0) for group in {**old, **new}}
    dearest = sorted(changes.items(), key=lambda change: (-abs(change[1]), change[0]))
    return [f"{group} {usd:+,.0f}" for group, usd in dearest if round(usd)]


def _total(before: Estimate, after: Estimate) -> str:
    difference = after.usd - before.usd
    if not round(difference):
        text = f"monthly cost unchanged at {after.usd:,.0f} USD"
    else:
        text = f"monthly cost {before.usd:,.0f} -> {after.usd:,.0f} USD ({difference:+,.0f})"
    if after.budget_usd is None:
        return text
    beyond = "ABOVE THE BUDGET of" if after.usd > after.budget_usd else "budget"
    return f"{text}, {beyond} {after.budget_usd:,.0f}"
