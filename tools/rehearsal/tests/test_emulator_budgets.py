"""AWS Budgets: updates in place, by replacement, and those that AWS refuses."""

from typing import Any

import pytest

from cdk_rehearsal.emulator import Emulator
from stacks import ACCOUNT, PRIMARY, StackError, delete, deploy


def budget(*, usd: int = 100, name: str = "budget-dev-1", email: str = "a@example.test") -> dict[str, Any]:
    threshold = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80}
    properties = {
        "Budget": {
            "BudgetName": name,
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": usd, "Unit": "USD"},
            "CostFilters": {"TagKeyValue": ["user:Environment$Dev"]},
        },
        "NotificationsWithSubscribers": [
            {"Notification": threshold, "Subscribers": [{"SubscriptionType": "EMAIL", "Address": email}]}
        ],
    }
    return {"Budget": {"Type": "AWS::Budgets::Budget", "Properties": properties}}


def amounts(emulator: Emulator) -> dict[str, float]:
    client = emulator.client("budgets", account=ACCOUNT, region=PRIMARY)
    budgets = client.describe_budgets(AccountId=ACCOUNT)["Budgets"]
    return {one["BudgetName"]: float(one["BudgetLimit"]["Amount"]) for one in budgets}


def test_the_amount_changes_in_place_and_the_name_by_replacement(emulator: Emulator) -> None:
    deploy(emulator, "Budget", budget())
    deploy(emulator, "Budget", budget(usd=200))
    assert amounts(emulator) == {"budget-dev-1": 200}
    deploy(emulator, "Budget", budget(name="budget-dev-2", email="b@example.test"))
    assert amounts(emulator) == {"budget-dev-2": 100}
    delete(emulator, "Budget")
    assert amounts(emulator) == {}


def test_another_subscriber_under_the_same_name_is_refused(emulator: Emulator) -> None:
    deploy(emulator, "Budget", budget())
    with pytest.raises(StackError, match="already exists"):
        deploy(emulator, "Budget", budget(email="b@example.test"))
    delete(emulator, "Budget")
