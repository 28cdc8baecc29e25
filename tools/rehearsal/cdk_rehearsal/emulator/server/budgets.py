"""AWS Budgets."""

from ministack.core.responses import get_account_id

from cdk_rehearsal.emulator.server.resource_types import Attributes, Properties, ResourceType, api, given


def _create(name: str, properties: Properties) -> tuple[str, Attributes]:
    budget = {"BudgetName": name} | properties["Budget"]
    notifications = given(properties, "NotificationsWithSubscribers")
    api("budgets").create_budget(AccountId=get_account_id(), Budget=budget, **notifications)
    return budget["BudgetName"], {"Id": budget["BudgetName"]}


def _update(name: str, _old: Properties, new: Properties) -> Attributes:
    budget = new["Budget"] | {"BudgetName": name}
    api("budgets").update_budget(AccountId=get_account_id(), NewBudget=budget)
    return {"Id": name}


def _delete(name: str, _properties: Properties) -> None:
    api("budgets").delete_budget(AccountId=get_account_id(), BudgetName=name)


RESOURCE_TYPES = {
    "AWS::Budgets::Budget": ResourceType(
        create=_create, update=_update, delete=_delete, note="no cost is recorded, so no notification is sent"
    ),
}
