"""The AWS Budget of an environment: its amount, its cost filter and its notifications."""

from aws_cdk import App, Stack

from payment_constructs.monitoring.budget import Budget
from stages.environment import Environment
from stages.variants import sandbox
from tests.estimate import least_budget_usd
from tests.templates import Assembly, Template

BUDGET = "AWS::Budgets::Budget"


def budget_for(email: str) -> str:
    """The name of a budget that notifies this email address."""
    app = App()
    Budget(Stack(app, "Stack"), "Budget", name="payment-budget-dev", environment="Dev", limit_usd=100, email=email)
    template: Template = app.synth().get_stack_by_name("Stack").template
    (resource,) = (each for each in template["Resources"].values() if each["Type"] == BUDGET)
    return str(resource["Properties"]["Budget"]["BudgetName"])


def test_the_budget_is_the_monthly_amount_of_the_environment(assembly: Assembly, environment: Environment) -> None:
    budget = assembly.only(f"{environment.name}-Payment", BUDGET)["Budget"]
    assert (budget["BudgetType"], budget["TimeUnit"]) == ("COST", "MONTHLY")
    assert budget["BudgetLimit"] == {"Amount": environment.monthly_budget_usd, "Unit": "USD"}


def test_the_sample_budgets_leave_a_fifth_above_the_estimate_of_a_long_month(environment: Environment) -> None:
    least = least_budget_usd(environment.name, frugal=False)
    assert least is not None
    assert environment.monthly_budget_usd >= least
    if not environment.retains_data:
        least = least_budget_usd(environment.name, frugal=True)
        assert least is not None
        assert environment.name != "Dev" or sandbox("alice", dev=environment).monthly_budget_usd >= least


def test_the_budget_counts_resources_with_the_environment_tag(assembly: Assembly, environment: Environment) -> None:
    stack = f"{environment.name}-Payment"
    (counted,) = assembly.only(stack, BUDGET)["Budget"]["CostFilters"]["TagKeyValue"]
    key, value = counted.removeprefix("user:").split("$")
    for each in (stack, f"{environment.name}-DisasterRecovery"):
        assert assembly.tags(each)[key] == value


def test_the_budget_notifies_on_actual_and_forecasted_cost(assembly: Assembly, environment: Environment) -> None:
    notifications = assembly.only(f"{environment.name}-Payment", BUDGET)["NotificationsWithSubscribers"]
    subscribers = [{"SubscriptionType": "EMAIL", "Address": environment.alarm_email}]
    assert [each["Subscribers"] for each in notifications] == [subscribers] * 2
    assert [
        (each["Notification"]["NotificationType"], each["Notification"]["Threshold"]) for each in notifications
    ] == [
        ("ACTUAL", 100),
        ("FORECASTED", 100),
    ]
    assert {each["Notification"]["ThresholdType"] for each in notifications} == {"PERCENTAGE"}
    assert {each["Notification"]["ComparisonOperator"] for each in notifications} == {"GREATER_THAN"}


def test_another_email_address_changes_the_budget_name(assembly: Assembly, environment: Environment) -> None:
    # CloudFormation creates the replacement before it deletes the old budget, so the names must differ.
    name = assembly.only(f"{environment.name}-Payment", BUDGET)["Budget"]["BudgetName"]
    assert name.startswith(f"payment-budget-{environment.slug}-")
    assert budget_for("a@payments.test") == budget_for("a@payments.test") != budget_for("b@payments.test")
