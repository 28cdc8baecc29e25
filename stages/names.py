"""How resources that people meet are called: payment-{service}-{environment}."""

from stages.environment import Environment


def resource_name(service: str, environment: Environment) -> str:
    """The name of a resource within its account and region."""
    return f"payment-{service}-{environment.slug}"


def bucket_name(service: str, environment: Environment, region: str) -> str:
    """A bucket's name: unique in the whole world, so it carries the account and the region too."""
    return f"{resource_name(service, environment)}-{environment.account}-{region}"


def parameter_path(environment: Environment) -> str:
    """The path that an environment's SSM parameters stand under."""
    return f"/payment/{environment.slug}"
