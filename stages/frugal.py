"""An environment as cheap as its place in the delivery allows: the same record with its cost levers pulled.

docs/decisions/0009-cost-levers.md says what each of them gives up.
"""

from dataclasses import replace

from stages.environment import Environment
from stages.lever_faults import SERVERLESS


def frugal(environment: Environment) -> Environment:
    """The record with every lever pulled that the environment's own settings leave room for.

    Where data is retained nothing is: each lever takes something away that customers would miss. Where a release is
    watched after its deployment (``bake_minutes``), the gate needs a database that is awake, and what comes next the
    same way to AWS's services; so one zone of endpoints stays, and the database never pauses.

    Args:
        environment: What it is to be like.
    """
    if environment.retains_data:
        return environment
    watched = environment.bake_minutes is not None
    return replace(
        environment,
        nat_gateways=1,
        endpoint_zones=1 if watched else 0,
        database_instance_class=SERVERLESS,
        database_capacity=(0.5, 2) if watched else (0, 1),
        database_instances=2,
        spot=True,
    )
