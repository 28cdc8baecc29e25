"""CloudWatch dashboard: the state of every alarm, and the graphs of each part in rows."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

RUNBOOKS = "docs/operations.md#runbooks"

GRID = 24
"""CloudWatch's number of columns; a longer row continues in the next line."""


def graph(
    title: str, *metrics: cloudwatch.IMetric, alarms: Sequence[cloudwatch.Alarm] = (), unit: str | None = None
) -> cloudwatch.GraphWidget:
    """A graph, a third of a row wide, with the thresholds of the alarms."""
    return cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        left_annotations=[alarm.to_annotation() for alarm in alarms],
        left_y_axis=cloudwatch.YAxisProps(label=unit, min=0, show_units=unit is None),
        width=GRID // 3,
        height=6,
    )


class Dashboard(cloudwatch.Dashboard):
    """Dashboard with a heading of facts, the alarms' states and rows of graphs.

    The name is unique in the account: dashboards belong to no region.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        facts: Mapping[str, str],
        alarms: Sequence[cloudwatch.IAlarm],
        rows: Sequence[Sequence[cloudwatch.IWidget]],
    ) -> None:
        heading = " · ".join((*(f"{fact}: **{value}**" for fact, value in facts.items()), f"Runbooks: `{RUNBOOKS}`"))
        super().__init__(
            scope,
            construct_id,
            dashboard_name=name,
            widgets=[
                [cloudwatch.TextWidget(markdown=heading, width=GRID, height=2)],
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=GRID, height=4)],
                *(list(row) for row in rows),
            ],
        )
