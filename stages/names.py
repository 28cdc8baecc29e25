"""Names of resources that users see, payment-{service}-{environment}, and of roles that other accounts refer to."""

import re

from aws_cdk import DefaultStackSynthesizer

from stages.environment import SUFFIXES, Environment

REPLICATED = ("audit", "access-logs")
"""The buckets that are replicated to the DR region."""

PIPELINE_ROLE = "payment-delivery-pipeline"
"""The pipeline's own role, in the tooling account."""

SELF_MUTATION_ROLE = "payment-delivery-self-mutation"
ASSETS_ROLE = "payment-delivery-assets"
IMAGE_ASSETS_ROLE = "payment-delivery-image-assets"
GUARD_ROLE = "payment-delivery-guard"
FINDINGS_ROLE = "payment-delivery-image-findings"
"""The roles of the tooling account that deploy the pipeline, publish files and images, check change sets, and check
the scans of images."""

FINDINGS_READER = "payment-image-findings"
"""The role of the account of the image's registry that reads scans, and nothing else."""

DATABASE_ACCESS = "database-access"
"""The function that runs a statement of a person, which no role of the delivery may invoke."""


def resource_name(service: str, environment: Environment) -> str:
    """The name of a resource within its account and region."""
    return f"payment-{service}-{environment.slug}"


def lost_name(service: str, environment: Environment) -> str | None:
    """The name of a resource of the lost environment, whose replicas a recovered one uses; None for any other one."""
    lost = re.fullmatch(rf"(\w+?)(?:{'|'.join(SUFFIXES)})", environment.name)
    return f"payment-{service}-{lost[1].lower()}" if lost else None


def bucket_name(service: str, environment: Environment, region: str) -> str:
    """A bucket's name: unique in the whole world, so it carries the account and the region too."""
    return f"{resource_name(service, environment)}-{environment.account}-{region}"


def parameter_path(environment: Environment) -> str:
    """The path of an environment's SSM parameters."""
    return f"/payment/{environment.slug}"


def payment_stack_name(environment: Environment) -> str:
    """The CloudFormation name of the payment stack."""
    return f"{environment.name}-Payment"


def peering_role_name(earlier: Environment, later: Environment) -> str:
    """The role of the earlier environment that the later one assumes for their peering."""
    return resource_name(f"peering-{later.slug}", earlier)


def gate_reader_name(environment: Environment) -> str:
    """The role of the environment in which the pipeline reads its gate alarms."""
    return resource_name("gate-reader", environment)


def verification_role_name(environment: Environment) -> str:
    """The role of the environment in which its deployment is verified."""
    return resource_name("verification", environment)


def release_recorder_name(environment: Environment) -> str:
    """The role of the environment in which its verified release is recorded."""
    return resource_name("release-recorder", environment)


def verified_release_arn(environment: Environment) -> str:
    """The parameter in the DR region with the release that was verified last; no stack owns it."""
    location = f"{environment.dr_region}:{environment.account}"
    return f"arn:aws:ssm:{location}:parameter{parameter_path(environment)}/verified-release"


def copy_vault_name(environment: Environment) -> str:
    """The backup vault in the DR region, which receives the copies."""
    return resource_name("dr", environment)


def verifier_name(environment: Environment) -> str:
    """The role of the tooling account that verifies this one environment: it may assume its roles for that only."""
    return f"payment-delivery-verification-{environment.slug}"


def role_arn(role_name: str, environment: Environment) -> str:
    """A role of an environment's account, which need not exist yet."""
    return f"arn:aws:iam::{environment.account}:role/{role_name}"


def execution_role_name(environment: Environment, region: str | None = None) -> str:
    """The role in which CloudFormation deploys the stack of a region; `cdk bootstrap` creates it."""
    qualifier = DefaultStackSynthesizer.DEFAULT_QUALIFIER
    return f"cdk-{qualifier}-cfn-exec-role-{environment.account}-{region or environment.primary_region}"


def delivery_roles(environment: Environment, region: str | None = None) -> list[str]:
    """The names of the roles in which a delivery changes the resources of a region."""
    return [execution_role_name(environment, region), resource_name("housekeeping", environment)]


def key_guardians(environment: Environment, region: str) -> list[str]:
    """The roles that may destroy the keys of backups, database and audit log in a region."""
    names = (environment.break_glass_role, execution_role_name(environment, region))
    return [role_arn(name, environment) for name in names]


def plan_role_name(environment: Environment) -> str:
    """The role of the environment in which the guard and the plan read its stacks, and nothing else."""
    return resource_name("plan", environment)


def planner_name(environment: Environment) -> str:
    """The role of the tooling account that plans the releases of this one environment."""
    return f"payment-delivery-plan-{environment.slug}"
