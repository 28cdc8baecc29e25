"""AWS Budget of an environment's monthly costs."""

import hashlib
import json

from aws_cdk import aws_budgets as budgets
from constructs import Construct

NOTIFICATIONS = (("ACTUAL", 100), ("FORECASTED", 100))
"""Notification types and their thresholds, in percent of the budget; no lower ones, because a month that goes as
planned ends just below its budget."""


class Budget(Construct):
    """Monthly cost budget in US dollars over everything that carries the environment's tag, in all regions.

    Several environments may share an account, so it counts by the tag ``Environment``. Costs carry a tag only once it
    is activated as a cost-allocation tag in the payer account; until then the budget counts nothing.
    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-create-filters.html
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
            for kind, percent in NOTIFICATIONS
        ]
        # Notifications are create-only: a change replaces the budget, and CloudFormation creates the new one before it
        # deletes the old one, so the name must differ.
        suffix = hashlib.sha256(json.dumps([NOTIFICATIONS, email]).encode()).hexdigest()[:6]
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=f"{name}-{suffix}",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=limit_usd, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:Environment${environment}"]},
            ),
            notifications_with_subscribers=notifications,
        )
