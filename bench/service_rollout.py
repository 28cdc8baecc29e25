"""How long ECS takes to put a new release of a service in the place of the old one."""

from collections.abc import Mapping
from typing import Any

TASK_MINUTES = 4.0
"""A task is placed, pulls its image, starts, and answers the load balancer's health checks; the old ones drain."""


def rollout_minutes(template: Mapping[str, Any]) -> float:
    """The minutes of a template's slowest service, replacement and baking together; 0 where there is none."""
    services = [
        resource["Properties"].get("DeploymentConfiguration", {})
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::ECS::Service"
    ]
    return max((TASK_MINUTES + _bakes(deployment) for deployment in services), default=0.0)


def _bakes(deployment: Mapping[str, Any]) -> float:
    canary = deployment.get("CanaryConfiguration", {}).get("CanaryBakeTimeInMinutes", 0)
    return float(canary) + float(deployment.get("BakeTimeInMinutes", 0))
