"""What an environment may cost a month, and who is told before and when it costs more."""

import hashlib
import json

from aws_cdk import aws_budgets as budgets
from constructs import Construct

NOTIFIED = (("ACTUAL", 100), ("FORECASTED", 100))
"""When somebody is told: what was spent, or what AWS foresees for the month, in per cent of the budget.

At no lower share: a month that goes as planned ends just below its budget."""


class Budget(Construct):
    """A monthly cost budget over everything that carries the environment's tag, in all regions.

    Several environments may share an account, so it counts by the tag ``Environment``. AWS sees tags in costs only
    once they are activated as cost-allocation tags in the account that pays; until then the budget counts nothing.
    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-create-filters.html

    Args:
        name: What its name begins with.
        environment: The tag's value.
        limit_usd: US dollars a month.
        email: The mailbox that is told; AWS Budgets asks it for no confirmation.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, environment: str, limit_usd: int, email: str
    ) -> None:
        super().__init__(scope, construct_id)
        notifications = [
            budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    notification_type=kind,
                    comparison_operator="GREATER_THAN",
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=[budgets.CfnBudget.SubscriberProperty(subscription_type="EMAIL", address=email)],
            )
            for kind, percent in NOTIFIED
        ]
        # Whoever is told and when is fixed as a budget is made: a change makes another one beside it, and two of the
        # same name cannot stand.
        told = hashlib.sha256(json.dumps([NOTIFIED, email]).encode()).hexdigest()[:6]
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=f"{name}-{told}",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=limit_usd, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:Environment${environment}"]},
            ),
            notifications_with_subscribers=notifications,
        )
