"""What a month costs: counted in the templates, within the budgets, and nothing silently left out."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.costs.__main__ import faults, priced
from pipeline.costs.delta import StackCost, cost_changes
from pipeline.costs.estimate import FREE, PRICED, Estimate, estimate
from pipeline.costs.price_table import FILE, PriceError, PriceTable
from pipeline.costs.usage import HOURS, Usage
from pipeline.delivery import Delivery
from rehearsal.templates import Assembly

SINGAPORE, OREGON = "ap-southeast-1", "us-west-2"


@pytest.fixture(scope="module")
def costs(assembly: Assembly, delivery: Delivery) -> dict[str, Estimate]:
    return priced(assembly.directory, delivery=delivery)


def template(**resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "Resources": {
            name: {"Type": each.pop("Type"), "Properties": each} for name, each in copy.deepcopy(resources).items()
        }
    }


def usd(what: str, region: str = SINGAPORE) -> float:
    return PriceTable.load().usd(what, region=region)


def test_every_environment_keeps_its_budget(costs: dict[str, Estimate], delivery: Delivery) -> None:
    for environment in delivery.environments:
        cost = costs[environment.name]
        assert cost.budget_usd == environment.monthly_budget_usd
        assert 0 < cost.usd <= environment.monthly_budget_usd


def test_a_fourth_nat_gateway_is_above_every_budget(assembly: Assembly, delivery: Delivery) -> None:
    for environment in delivery.environments:
        names = [f"{environment.name}-{stack}" for stack in ("Payment", "DisasterRecovery")]
        planted = [copy.deepcopy(assembly.template(name)) for name in names]
        for kind in ("AWS::EC2::NatGateway", "AWS::EC2::EIP"):
            planted[0]["Resources"][f"Fourth{kind[-3:]}"] = {"Type": kind, "Properties": {}}
        total = sum(
            estimate(each, region=assembly.stacks[name].environment.region).usd
            for each, name in zip(planted, names, strict=True)
        )
        assert total > environment.monthly_budget_usd, environment.name


def test_production_keeps_what_was_planned_for_it(costs: dict[str, Estimate], delivery: Delivery) -> None:
    production = costs[delivery.environments[-1].name]
    assert production.in_region(SINGAPORE).usd <= 1150
    assert production.in_region(OREGON).usd <= 500


def test_every_type_of_the_templates_is_priced_or_free(assembly: Assembly, costs: dict[str, Estimate]) -> None:
    assert [cost.unpriced for cost in costs.values()] == [()] * len(costs)
    declared = {
        resource["Type"] for stack in assembly.stacks for resource in assembly.template(stack)["Resources"].values()
    }
    assert not PRICED & FREE
    assert not FREE - declared, "nothing declares these any more"


def test_what_nobody_has_priced_is_named() -> None:
    cost = estimate(template(Stream={"Type": "AWS::Kinesis::Stream"}), region=SINGAPORE)
    assert (cost.usd, cost.unpriced) == (0, ("AWS::Kinesis::Stream",))
    (line, _) = cost_changes([StackCost(name="Dev-Payment", before=cost, after=cost)])
    assert line == "not counted, because nobody has priced it: AWS::Kinesis::Stream"


def test_a_nat_gateway_costs_its_hours_and_what_it_passes_on() -> None:
    cost = estimate(template(Nat={"Type": "AWS::EC2::NatGateway"}), region=OREGON, usage=Usage(nat_gb=10))
    assert cost.usd == pytest.approx(HOURS * usd("nat-gateway-hour", OREGON) + 10 * usd("nat-gateway-gb", OREGON))


@pytest.mark.parametrize(("minimum", "hours"), [(0, Usage().awake_hours), (0.5, HOURS / 2)])
def test_a_serverless_database_costs_its_least_or_the_hours_it_is_awake(minimum: float, hours: float) -> None:
    database = template(
        Cluster={"Type": "AWS::RDS::DBCluster", "ServerlessV2ScalingConfiguration": {"MinCapacity": minimum}},
        Writer={"Type": "AWS::RDS::DBInstance", "DBInstanceClass": "db.serverless"},
        Reader={"Type": "AWS::RDS::DBInstance", "DBInstanceClass": "db.serverless"},
    )
    lines = [line for line in estimate(database, region=SINGAPORE).lines if line.what == "aurora-acu-hour"]
    assert [line.usd for line in lines] == pytest.approx([hours * usd("aurora-acu-hour")] * 2)


def test_tasks_cost_less_on_spot(assembly: Assembly, delivery: Delivery) -> None:
    on_demand = assembly.template(f"{delivery.environments[0].name}-Payment")
    spot = json.loads(
        json.dumps(on_demand).replace('"CapacityProvider": "FARGATE"', '"CapacityProvider": "FARGATE_SPOT"')
    )
    dear, cheap = (estimate(each, region=SINGAPORE).by_group()["Tasks"] for each in (on_demand, spot))
    assert cheap == pytest.approx(0.3 * dear, rel=0.01)


def test_a_replica_is_billed_where_it_stands(costs: dict[str, Estimate], delivery: Delivery) -> None:
    abroad = costs[delivery.environments[-1].name].in_region(OREGON).by_group()
    assert {"Sessions", "Backups", "Secrets", "Logs in S3", "Keys"} <= set(abroad)


def test_a_release_says_what_it_changes_in_the_cost() -> None:
    budget = {"Type": "AWS::Budgets::Budget", "Budget": {"BudgetLimit": {"Amount": 60}}}
    one = template(Nat={"Type": "AWS::EC2::NatGateway"}, Budget=budget)
    two = template(Nat={"Type": "AWS::EC2::NatGateway"}, Second={"Type": "AWS::EC2::NatGateway"}, Budget=budget)
    stack = StackCost.compare(name="Dev-Payment", region=SINGAPORE, before=one, after=two)
    assert list(cost_changes([stack])) == [
        "Dev-Payment: 49 -> 92 USD a month: NAT gateways +43",
        "monthly cost 49 -> 92 USD (+43), ABOVE THE BUDGET of 60",
    ]
    new = StackCost.compare(name="Dev-Payment", region=SINGAPORE, before=None, after=one)
    assert list(cost_changes([new]))[-1] == "monthly cost 0 -> 49 USD (+49), budget 60"
    same = StackCost.compare(name="Dev-Payment", region=SINGAPORE, before=one, after=one)
    assert list(cost_changes([same])) == ["monthly cost unchanged at 49 USD, budget 60"]


def test_a_price_that_is_missing_says_where_to_write_it() -> None:
    instance = template(Writer={"Type": "AWS::RDS::DBInstance", "DBInstanceClass": "db.x2g.large"})
    with pytest.raises(
        PriceError, match=r"no price of aurora-db\.x2g\.large-hour in ap-southeast-1: look it up and add"
    ):
        estimate(instance, region=SINGAPORE)


def test_every_fault_of_a_price_table_is_told_at_once(tmp_path: Path) -> None:
    document = json.loads(FILE.read_text(encoding="utf-8"))
    document["prices"][0] |= {"source": "a friend", "basis": "hearsay", "usd": -1, "as_of": "lately"}
    document["prices"].append(document["prices"][1])
    (tmp_path / "prices.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(PriceError) as caught:
        PriceTable.load(tmp_path / "prices.json")
    assert len(str(caught.value).splitlines()) == 5


def test_a_budget_that_is_not_kept_and_an_unpriced_type_fail_the_command(costs: dict[str, Estimate]) -> None:
    assert faults(costs) == []
    (name, cost), *_ = costs.items()
    poor = replace(cost, budget_usd=100, unpriced=("AWS::Kinesis::Stream",))
    budget, unpriced = faults({name: poor})
    assert budget.startswith(f"{name} costs ")
    assert budget.endswith("its budget is 100: pull a lever, or raise monthly_budget_usd in stages/environments.py.")
    assert unpriced.startswith("nobody has priced AWS::Kinesis::Stream")
