"""The service: its tasks at their fewest, by architecture and capacity provider."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.costs.line import Bill, CostLine
from pipeline.costs.usage import HOURS

TYPES = {"AWS::ECS::TaskDefinition", "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ECS::Cluster"}
_CPU_UNITS, _MIB = 1024, 1024


def compute(bill: Bill) -> Iterator[CostLine]:
    """What the tasks cost that always run, and their metrics."""
    tasks = sum(
        int(target["MinCapacity"])
        for target in bill.of("AWS::ApplicationAutoScaling::ScalableTarget")
        if target["ServiceNamespace"] == "ecs"
    )
    spot = any(_is_spot(service) for service in bill.of("AWS::ECS::Service"))
    for definition in bill.of("AWS::ECS::TaskDefinition"):
        architecture = definition.get("RuntimePlatform", {}).get("CpuArchitecture", "X86_64").lower()
        kind = f"fargate-{'spot-' if spot else ''}{architecture}"
        yield bill.line("Tasks", f"{kind}-vcpu-hour", tasks * int(definition["Cpu"]) / _CPU_UNITS * HOURS)
        yield bill.line("Tasks", f"{kind}-gb-hour", tasks * int(definition["Memory"]) / _MIB * HOURS)
    if bill.of("AWS::ECS::Cluster"):
        yield bill.line("Container Insights", "custom-metric-month", bill.usage.insight_metrics)


def _is_spot(service: Mapping[str, Any]) -> bool:
    providers = {each["CapacityProvider"] for each in service.get("CapacityProviderStrategy", [])}
    return providers == {"FARGATE_SPOT"}
