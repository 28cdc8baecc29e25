"""`python -m pipeline.costs`: what the environments and the pipeline in cdk.out cost a month.

Exit status: 0 every environment keeps its budget, 1 one does not or something is unpriced, 2 there is nothing to price.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import aws_cdk as cdk
from aws_cdk.cx_api import CloudAssembly, CloudFormationStackArtifact
from rich.console import Console

from pipeline.costs.estimate import Estimate, estimate, together
from pipeline.costs.price_table import PriceError, PriceTable
from pipeline.costs.report import table, with_levers
from pipeline.costs.usage import Usage
from pipeline.delivery import Delivery
from pipeline.settings import load_delivery
from stages.environment import Environment
from stages.frugal import frugal
from stages.payment_stage import PaymentStage
from stages.settings_error import SettingsError

ASSEMBLY = Path("cdk.out")
_WIDTH = 110


def main() -> int:
    """Prices, prints, and says whether the budgets are kept."""
    if not (ASSEMBLY / "manifest.json").is_file():
        print(f"cost: there is no {ASSEMBLY}: run `make synth` first.", file=sys.stderr)
        return 2
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    try:
        context = json.loads(Path("cdk.json").read_text(encoding="utf-8"))["context"]
        delivery = load_delivery(context["delivery"], release="unreleased")
        costs = priced(ASSEMBLY, delivery=delivery)
        lowered = {
            environment.name: (costs[environment.name], alone(frugal(environment), delivery=delivery, context=context))
            for environment in delivery.environments
        }
    except (SettingsError, PriceError) as error:
        print(f"cost: {error}", file=sys.stderr)
        return 1
    for name, cost in costs.items():
        console.print(table(name, cost))
    console.print(with_levers(lowered))
    _say_what_it_rests_on(console)
    found = faults(costs)
    for fault in found:
        print(f"cost: {fault}", file=sys.stderr)
    return 1 if found else 0


def priced(assembly: Path, *, delivery: Delivery) -> dict[str, Estimate]:
    """The cost of each environment, both regions together, and of the pipeline last."""
    stacks = list(CloudAssembly(str(assembly)).stacks_recursively)
    names = [environment.name for environment in delivery.environments]
    costs = {name: _together([each for each in stacks if name in each.hierarchical_id.split("/")]) for name in names}
    return costs | {"Pipeline": _together([each for each in stacks if "/" not in each.hierarchical_id])}


def alone(environment: Environment, *, delivery: Delivery, context: dict[str, object]) -> Estimate:
    """The cost of an environment that is not in the assembly; nothing of it is held to the policy here."""
    with TemporaryDirectory() as directory:
        app = cdk.App(analytics_reporting=False, context=context, outdir=directory)
        PaymentStage.alone(app, environment=environment, tooling_account=delivery.account, release=delivery.release)
        return _together(list(app.synth().stacks_recursively))


def _together(stacks: list[CloudFormationStackArtifact]) -> Estimate:
    return together(estimate(each.template, region=each.environment.region) for each in stacks)


def _say_what_it_rests_on(console: Console) -> None:
    prices = PriceTable.load()
    console.print("On-demand prices of pipeline/costs/prices.json:", soft_wrap=True)
    for basis, meaning in prices.bases.items():
        days = sorted(price.as_of for price in prices.prices.values() if price.basis == basis)
        if days:
            console.print(f"  {len(days)} {basis} (the oldest of {days[0]}): {meaning}", soft_wrap=True)
    console.print(f"Use of each environment in a month: {Usage().as_text()}", soft_wrap=True)
    console.print("Left out: traffic to the internet, support, tax, and whatever a savings plan takes off.")


def faults(costs: Mapping[str, Estimate]) -> list[str]:
    """The budgets that are not kept, and what nobody has priced."""
    return [
        *(
            f"{name} costs {each.usd:,.0f} USD a month, its budget is {each.budget_usd:,.0f}: pull a lever, or raise "
            "monthly_budget_usd in stages/environments.py."
            for name, each in costs.items()
            if each.budget_usd is not None and each.usd > each.budget_usd
        ),
        *(
            f"nobody has priced {kind}: price it in pipeline/costs, or add it to what is free."
            for kind in together(costs.values()).unpriced
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
