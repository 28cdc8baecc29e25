"""The synthesized pipeline: order of stages, approval, artifacts and permissions of its builds."""

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import pipelines
from aws_cdk.assertions import Template

from pipeline.bootstrap.permissions import managed_policies
from pipeline.settings import Delivery, load_delivery
from pipeline.source import ConnectionSource
from tests.conftest import CHECKOUT
from tests.synthesized import synthesize_small
from tests.templates import Assembly, references, statement_actions

PIPELINE = "AWS::CodePipeline::Pipeline"


def names(assembly: Assembly) -> list[str]:
    return [stage["Name"] for stage in assembly.pipeline_stages()]


def actions(assembly: Assembly, stage: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = assembly.pipeline_stages()[names(assembly).index(stage)]["Actions"]
    return sorted(found, key=lambda action: action["RunOrder"])


def is_read_only(action: dict[str, Any]) -> bool:
    """Whether an action is a plan, whose role is read-only, or an approval."""
    return str(action["Name"]).startswith("Plan") or bool(action["ActionTypeId"]["Category"] == "Approval")


def statements(assembly: Assembly) -> list[dict[str, Any]]:
    return [
        statement
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        for policy in assembly.resources("PipelineStack", kind).values()
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_the_environments_deploy_in_order_and_the_approval_is_a_stage(assembly: Assembly) -> None:
    assert names(assembly) == [
        "Source",
        "Build",
        "UpdatePipeline",
        "Assets",
        "Dev",
        "ConfirmStaging",
        "Staging",
        "ApproveProd",
        "Prod",
    ]


def test_the_pipeline_updates_itself_only_after_the_hold_has_passed(assembly: Assembly) -> None:
    hold, update = actions(assembly, "UpdatePipeline")
    assert (hold["Name"], update["Name"]) == ("Hold", "SelfMutate")
    assert hold["RunOrder"] < update["RunOrder"]
    assert hold["InputArtifacts"] == update["InputArtifacts"], "compare the template that SelfMutate deploys"
    functions = assembly.resources("PipelineStack", "AWS::Lambda::Function")
    role = functions[hold["Configuration"]["FunctionName"]["Ref"]]["Role"]["Fn::GetAtt"][0]
    (policy,) = (
        each
        for each in assembly.resources("PipelineStack", "AWS::IAM::ManagedPolicy").values()
        if {"Ref": role} in each.get("Roles", [])
    )
    allowed = {action for each in policy["PolicyDocument"]["Statement"] for action in statement_actions(each)}
    assert {action for action in allowed if not action.startswith(("logs:", "kms:", "sns:"))} == {
        "cloudformation:GetTemplate",
        "codepipeline:GetPipelineState",
        "codepipeline:PutJobFailureResult",
        "codepipeline:PutJobSuccessResult",
    }
    parameters = hold["Configuration"]["UserParameters"]["Fn::Join"][1]
    assert {"Ref": "AWS::StackId"} in parameters
    assert "PipelineStack.template.json" in parameters[-1]


def test_no_prod_action_runs_before_the_approval(assembly: Assembly, delivery: Delivery) -> None:
    *others, prod = delivery.environments
    # The account id marks every prod action if only prod uses the account; in a shared account, only the name does.
    marks = {prod.name} | {prod.account} - {delivery.account, *(other.account for other in others)}
    approvals = [
        index
        for index, stage in enumerate(assembly.pipeline_stages())
        if any(action["ActionTypeId"]["Category"] == "Approval" for action in stage["Actions"])
        and "BeforeEntry" not in stage
    ]
    touching = [
        index
        for index, stage in enumerate(assembly.pipeline_stages())
        if any(
            mark in json.dumps([action["Configuration"], action.get("RoleArn")])
            for action in stage["Actions"]
            if "Configuration" in action and not is_read_only(action)
            for mark in marks
        )
    ]
    assert len(approvals) == 1
    assert touching == [names(assembly).index("Prod")]
    assert approvals[0] < touching[0]


@pytest.mark.parametrize("environment", ["Dev", "Staging", "Prod"])
def test_the_dr_stack_is_deployed_before_the_payment_stack(assembly: Assembly, environment: str) -> None:
    deploying = [action for action in actions(assembly, environment) if "." in action["Name"]]
    assert [(action["Name"], action.get("Region")) for action in deploying] == [
        ("DisasterRecovery.Prepare", "us-west-2"),
        ("DisasterRecovery.Guard", None),
        ("DisasterRecovery.Deploy", "us-west-2"),
        ("Payment.Prepare", None),
        ("Payment.Guard", None),
        ("Payment.Deploy", None),
    ]
    assert len({action["RunOrder"] for action in deploying}) == 6


def test_the_pipeline_queues_executions_and_restarts_after_self_mutation(assembly: Assembly) -> None:
    pipeline = assembly.only("PipelineStack", PIPELINE)
    assert pipeline["PipelineType"] == "V2"
    assert pipeline["ExecutionMode"] == "QUEUED"
    assert pipeline["RestartExecutionOnUpdate"] is True


def test_a_push_to_main_starts_the_pipeline(context: dict[str, Any]) -> None:
    connection = "arn:aws:codeconnections:ap-southeast-1:111111111111:connection/00000000-0000-0000-0000-000000000000"
    source = ConnectionSource(connection_arn=connection, repository="example/payments")
    stack = cdk.Stack(cdk.App(context=context), "Stack")
    pipeline = pipelines.CodePipeline(
        stack,
        "Pipeline",
        synth=pipelines.ShellStep("Synth", input=source.pipeline_source(stack), commands=["true"]),
    )
    pipeline.build_pipeline()
    template = Template.from_stack(stack).find_resources(PIPELINE)
    (found,) = template.values()
    configuration = found["Properties"]["Stages"][0]["Actions"][0]["Configuration"]
    assert configuration["BranchName"] == "main"
    # DetectChanges is on by default.
    assert configuration.get("DetectChanges", True) is True


OTHER_SOURCES: dict[str, dict[str, str]] = {
    "CodeCommit": {"type": "codecommit", "repository": "payments"},
    "S3": {"type": "s3", "bucket": "payments-source", "key": "payments.zip"},
}


@pytest.fixture(scope="module", params=list(OTHER_SOURCES))
def other_source(
    request: pytest.FixtureRequest, context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Delivery, Assembly]:
    """Each other source type in turn: its provider, and the delivery from it."""
    delivery = load_delivery(context["delivery"] | {"source": OTHER_SOURCES[request.param]}, release="unreleased")
    directory = tmp_path_factory.mktemp(request.param)
    return request.param, delivery, synthesize_small(directory, context=context, delivery=delivery, policy=True)


def test_codecommit_and_s3_sources_pass_every_policy_pack(other_source: tuple[str, Delivery, Assembly]) -> None:
    provider, _, assembly = other_source
    (action,) = actions(assembly, "Source")
    assert action["ActionTypeId"]["Provider"] == provider


def test_another_source_type_needs_no_other_bootstrap_policies(
    assembly: Assembly, delivery: Delivery, other_source: tuple[str, Delivery, Assembly]
) -> None:
    provider, other_delivery, other_assembly = other_source
    boundary, execution = granted(assembly, delivery)
    _, needed = granted(other_assembly, other_delivery)
    assert needed <= execution, f"CloudFormation may not {sorted(needed - execution)}: grant it for every source type"
    allowed = (each for each in statements(other_assembly) if each["Effect"] == "Allow")
    used = {action for statement in allowed for action in statement_actions(statement)}
    # IAM, of which the boundary allows single actions, is in the table of attacks with its controls.
    refused = {action for action in used | needed if action.split(":")[0] not in {*boundary, "iam"}}
    assert not refused, f"{provider}: add the services of {sorted(refused)} to SOURCE_SERVICES in pipeline/source.py"


def granted(assembly: Assembly, delivery: Delivery) -> tuple[set[str], set[str]]:
    """The services in the permissions boundary, and the actions in CloudFormation's execution policies."""
    resources = managed_policies([assembly.template(stack) for stack in assembly.stacks], delivery)
    allowed: dict[str, set[str]] = {}
    for name, policy in resources.items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                allowed.setdefault(name, set()).update(statement_actions(statement))
    boundary = {action.removesuffix(":*") for action in allowed.pop("Boundary")}
    return boundary, set().union(*allowed.values())


def test_the_build_checks_synthesizes_and_copies_packages(assembly: Assembly) -> None:
    (project,) = (
        project
        for project in assembly.resources("PipelineStack", "AWS::CodeBuild::Project").values()
        if "make check" in project["Source"]["BuildSpec"]
    )
    buildspec = json.loads(project["Source"]["BuildSpec"])
    assert buildspec["phases"]["build"]["commands"] == ["make check", "make synth", "make packages"]
    assert buildspec["phases"]["install"]["runtime-versions"]["nodejs"] == "24"
    assert buildspec["reports"]["checks"]["files"] == ["*.xml"]


def test_the_pipeline_updates_itself_with_the_pinned_cli(assembly: Assembly) -> None:
    (update,) = (
        json.loads(project["Source"]["BuildSpec"])
        for project in assembly.resources("PipelineStack", "AWS::CodeBuild::Project").values()
        if "cdk -a . deploy PipelineStack" in project["Source"]["BuildSpec"]
    )
    lock = json.loads((CHECKOUT / "package-lock.json").read_text(encoding="utf-8"))["packages"]["node_modules/aws-cdk"]
    check, install = update["phases"]["install"]["commands"]
    assert f"= {lock['integrity']} " in check
    assert install == f"npm install -g aws-cdk@{lock['version']}"


def test_artifacts_are_in_encrypted_project_buckets_in_both_regions(assembly: Assembly) -> None:
    stores = {
        store["Region"]: store["ArtifactStore"] for store in assembly.only("PipelineStack", PIPELINE)["ArtifactStores"]
    }
    assert set(stores) == {"ap-southeast-1", "us-west-2"}
    assert stores["ap-southeast-1"]["Location"]["Ref"] in assembly.resources("PipelineStack", "AWS::S3::Bucket")
    assert stores["us-west-2"]["Location"] in {
        bucket["BucketName"] for bucket in assembly.resources("PipelineArtifacts-us-west-2", "AWS::S3::Bucket").values()
    }
    assert all(store["EncryptionKey"]["Type"] == "KMS" for store in stores.values())


@pytest.mark.parametrize(
    ("stack", "region"), [("PipelineStack", "ap-southeast-1"), ("PipelineArtifacts-us-west-2", "us-west-2")]
)
def test_every_target_account_may_read_and_decrypt_artifacts_in_both_regions(
    assembly: Assembly, delivery: Delivery, stack: str, region: str
) -> None:
    readable = json.dumps(assembly.resources(stack, "AWS::S3::BucketPolicy"))
    decryptable = json.dumps(assembly.resources(stack, "AWS::KMS::Key"))
    for environment in delivery.environments:
        role = f":iam::{environment.account}:role/cdk-hnb659fds-deploy-role-{environment.account}-{region}"
        assert role in readable
        assert role in decryptable


@pytest.mark.parametrize(
    ("kind", "document"), [("AWS::S3::BucketPolicy", "PolicyDocument"), ("AWS::KMS::Key", "KeyPolicy")]
)
def test_deploy_roles_have_the_same_access_to_artifacts_in_both_regions(
    assembly: Assembly, kind: str, document: str
) -> None:
    granted = {
        (stack, tuple(statement["Action"]), json.dumps(statement["Resource"]).count("Arn"))
        for stack in ("PipelineStack", "PipelineArtifacts-us-west-2")
        for resource in assembly.resources(stack, kind).values()
        for statement in resource[document]["Statement"]
        if "-deploy-role-" in json.dumps(statement["Principal"]) and statement["Effect"] == "Allow"
    }
    own = [access for stack, *access in granted if stack == "PipelineStack"]
    other = [access for stack, *access in granted if stack != "PipelineStack"]
    assert own
    assert other == own, "grant in pipeline/artifacts.py what CDK Pipelines grants in its own region"


def test_no_pipeline_role_has_administrator_access(assembly: Assembly) -> None:
    assert "AdministratorAccess" not in assembly.stacks["PipelineStack"].template.read_text(encoding="utf-8")
    for statement in statements(assembly):
        granted = statement_actions(statement)
        assert "*" not in granted
        assert not any(action.endswith(":*") for action in granted)


def test_no_pipeline_role_may_use_every_kms_key(assembly: Assembly) -> None:
    for statement in statements(assembly):
        if "kms:Decrypt" in statement["Action"]:
            assert statement["Resource"] != "*"
            assert "*" not in statement["Resource"]


def test_the_pipeline_may_use_its_connection_under_both_service_names(assembly: Assembly) -> None:
    allowed = {
        action: statement["Resource"]
        for statement in statements(assembly)
        for action in statement_actions(statement)
        if action.endswith(":UseConnection")
    }
    assert set(allowed) == {"codestar-connections:UseConnection", "codeconnections:UseConnection"}
    assert len({json.dumps(resource) for resource in allowed.values()}) == 1


def test_build_logs_are_encrypted_and_kept_for_400_days(assembly: Assembly) -> None:
    groups = assembly.resources("PipelineStack", "AWS::Logs::LogGroup")
    for project in assembly.resources("PipelineStack", "AWS::CodeBuild::Project").values():
        group = groups[next(references(project["LogsConfig"]["CloudWatchLogs"]["GroupName"]))]
        assert group["RetentionInDays"] == 400
        assert "KmsKeyId" in group
