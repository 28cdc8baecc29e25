"""How a release of the service takes the place of the one before."""

from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_ecs as ecs


def service_deployment(*, canary_percent: int | None) -> dict[str, Any]:
    """The arguments of an ECS service that say so.

    Args:
        canary_percent: The share of requests that a release gets for ten minutes before it gets them all; None
            replaces the tasks one by one, and goes back when they fail.
    """
    if canary_percent is None:
        return {"circuit_breaker": ecs.DeploymentCircuitBreaker(enable=True, rollback=True)}
    return {
        "deployment_strategy": ecs.DeploymentStrategy.CANARY,
        "canary_configuration": ecs.TrafficShiftConfig(
            step_percent=canary_percent, step_bake_time=Duration.minutes(10)
        ),
        "bake_time": Duration.minutes(30),
    }
