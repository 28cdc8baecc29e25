"""What can be wrong with the settings that save money, on one environment.

Whatever would weaken an environment that retains data in a way that customers notice is refused there.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stages.environment import Environment

SERVERLESS = "db.serverless"
MOST_CAPACITY = 256


def lever_faults(environment: "Environment") -> Iterator[str]:
    """Says what is wrong: a sentence each, with the field, the value and the remedy."""
    if not 0 <= environment.endpoint_zones <= len(environment.availability_zones):
        yield f"endpoint_zones is {environment.endpoint_zones}: give 0 to 3, none or one per zone."
    if environment.spot and environment.retains_data:
        yield "spot is True on an environment that retains data: its tasks would be taken away at any time; give False."
    yield from _capacity_faults(environment)


def _capacity_faults(environment: "Environment") -> Iterator[str]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html."""
    capacity = environment.database_capacity
    if (environment.database_instance_class == SERVERLESS) != (capacity is not None):
        yield (
            f"database_capacity is {capacity} and database_instance_class is {environment.database_instance_class!r}: "
            f"give both of {SERVERLESS}, such as (0.5, 2), or neither."
        )
    if capacity is None:
        return
    least, most = capacity
    if not (least >= 0 and 1 <= most <= MOST_CAPACITY) or any(units * 2 % 1 for units in capacity):
        yield (f"database_capacity is {capacity}: give 0 to {MOST_CAPACITY} ACUs in steps of 0.5, the most at least 1.")
    elif least > most:
        yield f"database_capacity is {capacity}: give the least first, and the most not below it."
    if least == 0 and environment.retains_data:
        yield (
            f"database_capacity is {capacity} on an environment that retains data: a database that pauses keeps the "
            "next payment waiting; give at least 0.5."
        )
