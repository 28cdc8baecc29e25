"""The roles that send the requests of the attack table, and the form of a request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipeline.duties import APPROVER, NO_OVERRIDE
from pipeline.settings import load_delivery
from stages.names import GUARD_ROLE, PIPELINE_ROLE, plan_role_name, verifier_name
from tests.policy.authority import Authority, Principal
from tests.sample import sample_environments, sample_settings

TOOLING = load_delivery(sample_settings(), release="unreleased").account
REGION, RECOVERY = "ap-southeast-1", "us-west-2"
DEV, STAGING, PROD = (sample_environments()[name] for name in ("Dev", "Staging", "Prod"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sends a request."""

    name: str
    principal: Callable[[Authority], Principal]


COMMIT = Caller(name="a role of a Dev commit", principal=lambda policies: policies.created_by_a_commit(DEV.account))
TOOLING_COMMIT = Caller(
    name="a role of a pipeline commit", principal=lambda policies: policies.created_by_a_commit(TOOLING)
)
CLOUDFORMATION = Caller(
    name="CloudFormation in Dev", principal=lambda policies: policies.cloudformation(DEV.account, REGION)
)
DR_CLOUDFORMATION = Caller(
    name="CloudFormation in Dev's DR region", principal=lambda policies: policies.cloudformation(DEV.account, RECOVERY)
)
DEPLOYMENT = Caller(
    name="CloudFormation in the tooling account",
    principal=lambda policies: policies.cloudformation(TOOLING, REGION),
)
PERSON = Caller(name="an administrator with no-override", principal=lambda policies: policies.person(NO_OVERRIDE))
APPROVING = Caller(name="an administrator who may approve", principal=lambda policies: policies.person(APPROVER))
FREE = Caller(name="an administrator without no-override", principal=Authority.person)
PIPELINE = Caller(
    name="the pipeline",
    principal=lambda policies: policies.with_duties(policies.role("PipelineStack", PIPELINE_ROLE), NO_OVERRIDE),
)
SYNTH = Caller(
    name="the Synth build",
    principal=lambda policies: policies.with_duties(policies.role_of_action("Build", "Synth"), NO_OVERRIDE),
)
SELF_MUTATION = Caller(
    name="the self-mutation build",
    principal=lambda policies: policies.with_duties(
        policies.role_of_action("UpdatePipeline", "SelfMutate"), NO_OVERRIDE
    ),
)
ASSETS = Caller(name="the Assets build", principal=lambda policies: policies.role_of_action("Assets", "FileAssets"))
GUARD = Caller(name="the guard", principal=lambda policies: policies.role("PipelineStack", GUARD_ROLE))
PLAN = Caller(name="the PlanProd build", principal=lambda policies: policies.role_of_action("ApproveProd", "PlanProd"))
RECORDER = Caller(name="the recorder of digests", principal=lambda policies: policies.role_of_function("Digests"))
READER = Caller(
    name="guard and plan in Prod", principal=lambda policies: policies.plan_role(plan_role_name(PROD), PROD.account)
)
PROD_ADMINISTRATOR = Caller(
    name="an administrator of Prod", principal=lambda policies: policies.administrator(PROD.account, "Administrator")
)
BREAK_GLASS = Caller(
    name="the break-glass role of Prod",
    principal=lambda policies: policies.administrator(PROD.account, PROD.break_glass_role),
)
TOOLING_BREAK_GLASS = Caller(
    name="the break-glass role of the tooling account",
    principal=lambda policies: policies.administrator(TOOLING, PROD.break_glass_role),
)
PUBLISHER = Caller(
    name="the publishing role of Prod",
    principal=lambda policies: policies.bootstrapped("FilePublishingRole", PROD.account, REGION),
)
ELSEWHERE = Caller(
    name="CloudFormation in the tooling account's DR region",
    principal=lambda policies: policies.cloudformation(TOOLING, RECOVERY),
)
VERIFIER = Caller(
    name="the Verify build of Dev", principal=lambda policies: policies.role("PipelineStack", verifier_name(DEV))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request, to be denied or allowed."""

    caller: Caller
    action: str
    resource: str
    context: Mapping[str, str | list[str]] = field(default_factory=dict)
    detail: str = ""

    @property
    def name(self) -> str:
        """The case in words, unique in the table."""
        called = f"{self.caller.name}: {self.action} on {self.resource.split(':', 5)[-1]}"
        return f"{called} {self.detail}".rstrip()
