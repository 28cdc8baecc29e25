"""How much memory an Aurora instance class has, and how many connections Aurora lets it take."""

GIBIBYTES_OF_LARGE = {"t": 8, "r": 16, "x": 32}
"""Memory of a family's ``large`` size, in GiB; every other size is a power of two of it.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.DBInstanceClass.Summary.html"""

GIBIBYTES_OF_CAPACITY_UNIT = 2
"""https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.how-it-works.html"""

MOST_CONNECTIONS, MOST_CONNECTIONS_OF_HALF_A_UNIT = 5000, 2000
"""A serverless instance that may shrink below one unit keeps no room for more.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html"""

LARGES = {"medium": 0.5, "large": 1.0, "xlarge": 2.0}


def memory_bytes(instance_class: str, *, capacity: tuple[float, float] | None = None) -> int:
    """The nominal memory of a class such as ``db.r6g.large``, in bytes; of a serverless one at its most capacity.

    AWS reports the free memory of a serverless instance against its most capacity too.
    """
    if capacity:
        return int(GIBIBYTES_OF_CAPACITY_UNIT * capacity[1] * 2**30)
    _, family, size = instance_class.split(".")
    # Sizes above xlarge carry their multiple: 2xlarge, 24xlarge.
    multiple = size.removesuffix("xlarge")
    larges = LARGES[size] if size in LARGES else 2.0 * int(multiple)
    return int(GIBIBYTES_OF_LARGE[family[0]] * larges * 2**30)


def max_connections(instance_class: str, *, capacity: tuple[float, float] | None = None) -> int:
    """Aurora PostgreSQL's default of ``max_connections``, of the nominal memory.

    The real figure is some tenth lower: DBInstanceClassMemory leaves out what the system takes for itself.
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.Managing.html
    """
    most = MOST_CONNECTIONS_OF_HALF_A_UNIT if capacity and capacity[0] < 1 else MOST_CONNECTIONS
    return min(memory_bytes(instance_class, capacity=capacity) // 9_531_392, most)


def pauses(capacity: tuple[float, float] | None) -> bool:
    """Whether an instance stops while nobody is connected: a serverless one that may shrink to nothing."""
    return capacity is not None and capacity[0] == 0
