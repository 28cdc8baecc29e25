"""Alarms, dashboards and logs, and the pipeline's own work."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.costs.line import Bill, CostLine

TYPES = {
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Logs::LogGroup",
    "AWS::CodePipeline::Pipeline",
    "AWS::CodeBuild::Project",
}


def watch(bill: Bill) -> Iterator[CostLine]:
    """What it costs: an alarm for each metric that it looks at."""
    if metrics := sum(_metrics(alarm) for alarm in bill.of("AWS::CloudWatch::Alarm")):
        yield bill.line("Alarms and dashboards", "alarm-metric-month", metrics)
    if composites := len(bill.of("AWS::CloudWatch::CompositeAlarm")):
        yield bill.line("Alarms and dashboards", "composite-alarm-month", composites)
    if dashboards := len(bill.of("AWS::CloudWatch::Dashboard")):
        yield bill.line("Alarms and dashboards", "dashboard-month", dashboards)
    delivers = bool(bill.of("AWS::CodePipeline::Pipeline"))
    if bill.of("AWS::Logs::LogGroup"):
        yield bill.line("Logs", "log-ingest-gb", bill.usage.delivery_log_gb if delivers else bill.usage.log_gb)
    if delivers:
        minutes = bill.usage.deliveries * bill.usage.build_minutes
        yield bill.line("Deliveries", "build-minute", minutes)
        yield bill.line("Deliveries", "pipeline-action-minute", minutes)


def _metrics(alarm: Mapping[str, Any]) -> int:
    return sum("MetricStat" in metric for metric in alarm.get("Metrics", [])) or 1
