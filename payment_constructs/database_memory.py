"""How much memory an Aurora instance class has, and how many connections Aurora lets it take."""

GIBIBYTES_OF_LARGE = {"t": 8, "r": 16, "x": 32}
"""Memory of a family's ``large`` size, in GiB; every other size is a power of two of it.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.DBInstanceClass.Summary.html"""

LARGES = {"micro": 0.125, "small": 0.25, "medium": 0.5, "large": 1.0, "xlarge": 2.0}


def memory_bytes(instance_class: str) -> int:
    """The nominal memory of a class such as ``db.r6g.large``, in bytes."""
    _, family, size = instance_class.split(".")
    # Sizes above xlarge carry their multiple: 2xlarge, 24xlarge.
    multiple = size.removesuffix("xlarge")
    larges = LARGES[size] if size in LARGES else 2.0 * int(multiple)
    return int(GIBIBYTES_OF_LARGE[family[0]] * larges * 2**30)


def max_connections(instance_class: str) -> int:
    """Aurora PostgreSQL's default of ``max_connections``, of the nominal memory.

    The real figure is some tenth lower: DBInstanceClassMemory leaves out what the system takes for itself.
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.Managing.html
    """
    return min(memory_bytes(instance_class) // 9_531_392, 5000)
