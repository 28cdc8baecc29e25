"""What an environment looks like right now: the widgets that its parts offer, in rows."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

RUNBOOKS = "docs/operations.md#runbooks"

GRID = 24
"""CloudWatch's own columns; a row that is longer goes on in the next line."""


def graph(
    title: str, *metrics: cloudwatch.IMetric, alarms: Sequence[cloudwatch.Alarm] = (), unit: str | None = None
) -> cloudwatch.GraphWidget:
    """A third of a row: metrics over time, with the levels at which alarms fire."""
    return cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        left_annotations=[alarm.to_annotation() for alarm in alarms],
        left_y_axis=cloudwatch.YAxisProps(label=unit, min=0, show_units=unit is None),
        width=GRID // 3,
        height=6,
    )


class Dashboard(cloudwatch.Dashboard):
    """A heading, the state of every alarm, and a graph for each thing that is asked about.

    Args:
        name: Unique in the account: dashboards belong to no region.
        facts: What the heading says, such as the environment and its release.
        alarms: Those whose state is shown.
        rows: The graphs.
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
