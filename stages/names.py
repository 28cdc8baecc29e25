"""How resources that people meet are called: payment-{service}-{environment}."""

from aws_cdk import DefaultStackSynthesizer

from stages.environment import Environment

REPLICATED = ("audit", "access-logs")
"""The buckets that the DR region holds replicas of."""

PIPELINE_ROLE = "payment-delivery-pipeline"
"""The pipeline's own role, in the tooling account."""


def resource_name(service: str, environment: Environment) -> str:
    """The name of a resource within its account and region."""
    return f"payment-{service}-{environment.slug}"


def bucket_name(service: str, environment: Environment, region: str) -> str:
    """A bucket's name: unique in the whole world, so it carries the account and the region too."""
    return f"{resource_name(service, environment)}-{environment.account}-{region}"


def parameter_path(environment: Environment) -> str:
    """The path that an environment's SSM parameters stand under."""
    return f"/payment/{environment.slug}"


def payment_stack_name(environment: Environment) -> str:
    """The payment stack as CloudFormation knows it."""
    return f"{environment.name}-Payment"


def peering_role_name(earlier: Environment, later: Environment) -> str:
    """The role of the earlier environment that the later one acts in for their peering."""
    return resource_name(f"peering-{later.slug}", earlier)


def gate_reader_name(environment: Environment) -> str:
    """The role of the environment that the pipeline looks at its gate alarm in."""
    return resource_name("gate-reader", environment)


def verification_role_name(environment: Environment) -> str:
    """The role of the environment that its deployment is verified in."""
    return resource_name("verification", environment)


def verifier_name(environment: Environment) -> str:
    """The role of the tooling account that verifies the environment, and may take on that one only."""
    return f"payment-delivery-verification-{environment.slug}"


def role_arn(role_name: str, environment: Environment) -> str:
    """A role of an environment's account, which need not exist yet."""
    return f"arn:aws:iam::{environment.account}:role/{role_name}"


def execution_role_name(environment: Environment) -> str:
    """The role that CloudFormation deploys the payment stack in; the CDK's bootstrap makes it."""
    qualifier = DefaultStackSynthesizer.DEFAULT_QUALIFIER
    return f"cdk-{qualifier}-cfn-exec-role-{environment.account}-{environment.primary_region}"


def lookup_role_arn(environment: Environment, region: str) -> str:
    """The role that may look at everything and change nothing; the CDK's bootstrap makes it in each region."""
    qualifier = DefaultStackSynthesizer.DEFAULT_QUALIFIER
    return role_arn(f"cdk-{qualifier}-lookup-role-{environment.account}-{region}", environment)
