"""Requests that would lead a release past a gate, or a role out of its boundary: each must be denied.

The controls beside them must be allowed, so that a policy that denies everything fails too.
"""

from pipeline.bootstrap.permissions import BOUNDARY, EXECUTION
from pipeline.duties import APPROVER, NO_OVERRIDE, WATCHER
from stages.names import (
    ASSETS_ROLE,
    GUARD_ROLE,
    IMAGE_ASSETS_ROLE,
    PIPELINE_ROLE,
    SELF_MUTATION_ROLE,
    plan_role_name,
    planner_name,
    role_arn,
    verification_role_name,
    verifier_name,
)
from tests.policy.callers import (
    APPROVING,
    ASSETS,
    BREAK_GLASS,
    CLOUDFORMATION,
    COMMIT,
    DEPLOYMENT,
    DEV,
    DR_CLOUDFORMATION,
    ELSEWHERE,
    FREE,
    GUARD,
    PERSON,
    PIPELINE,
    PLAN,
    PROD,
    PROD_ADMINISTRATOR,
    PUBLISHER,
    READER,
    RECORDER,
    RECOVERY,
    REGION,
    SELF_MUTATION,
    STAGING,
    SYNTH,
    TOOLING,
    TOOLING_BREAK_GLASS,
    TOOLING_COMMIT,
    VERIFIER,
    Caller,
    Case,
)

_PIPELINE = f"arn:aws:codepipeline:{REGION}:{TOOLING}:payment-delivery"
_APPROVAL = f"{_PIPELINE}/ApproveProd/ApproveProd"
_SELF_UPDATE = f"arn:aws:codebuild:{REGION}:{TOOLING}:project/payment-delivery-selfupdate"
_STACK = f"arn:aws:cloudformation:{REGION}:{TOOLING}:stack/PipelineStack/00000000-0000-0000-0000-000000000000"
_ARTIFACTS = f"arn:aws:s3:::payment-delivery-artifacts-{TOOLING}"
FUNCTIONS = ("Payment.Guard", "Hold", "Digests", "Findings")
"""Actions of the pipeline whose functions are the resources of cases."""
_BUILDS = "PipelineStack-RoleOfABuild"

OURS = {"iam:PermissionsBoundary": f"arn:aws:iam::{DEV.account}:policy/{BOUNDARY}"}
FOREIGN = {"iam:PermissionsBoundary": f"arn:aws:iam::{DEV.account}:policy/payment-of-a-commit"}
_OURS = {"iam:PermissionsBoundary": f"arn:aws:iam::{TOOLING}:policy/{BOUNDARY}"}
ADMINISTRATOR = {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}


def _iam(resource: str, account: str = DEV.account) -> str:
    return f"arn:aws:iam::{account}:{resource}"


def _bootstrapped(role: str, account: str, region: str = REGION) -> str:
    return _iam(f"role/cdk-hnb659fds-{role}-role-{account}-{region}", account)


def _case(caller: Caller, action: str, resource: str, detail: str = "", **more: str | list[str]) -> Case:
    return Case(caller=caller, action=action, resource=resource, detail=detail, context=more)


_ROLE, _USER, _OWN = _iam("role/Dev-Payment-New"), _iam("user/Dev-Payment-New"), _iam("role/payment-made-by-a-commit")

LEAVING_THE_BOUNDARY = [
    # A role that a commit creates, in Dev as elsewhere, changes nothing in IAM, with or without our boundary.
    *(
        Case(caller=caller, action=f"iam:{action}", resource=resource, context=context)
        for caller in (COMMIT, TOOLING_COMMIT)
        for action, kind, context in (
            ("CreateRole", "role/Dev-Payment-New", {}),
            ("PutRolePolicy", "role/Dev-Payment-New", {}),
            ("AttachRolePolicy", "role/Dev-Payment-New", ADMINISTRATOR),
            ("AttachRolePolicy", "role/payment-made-by-a-commit", ADMINISTRATOR),
            ("PutRolePermissionsBoundary", "role/payment-made-by-a-commit", {}),
            ("DeleteRolePermissionsBoundary", "role/payment-made-by-a-commit", {}),
            ("UpdateAssumeRolePolicy", "role/cdk-hnb659fds-deploy-role", {}),
            ("CreateOpenIDConnectProvider", "oidc-provider/example.com", {}),
            ("CreateSAMLProvider", "saml-provider/example", {}),
            ("CreateUser", "user/Dev-Payment-New", {}),
            ("PutUserPolicy", "user/Dev-Payment-New", {}),
            ("AttachUserPolicy", "user/Dev-Payment-New", ADMINISTRATOR),
            ("PutUserPermissionsBoundary", "user/Dev-Payment-New", {}),
            ("DeleteUserPermissionsBoundary", "user/Dev-Payment-New", {}),
            ("CreateAccessKey", "user/Dev-Payment-New", {}),
            ("UpdateLoginProfile", "user/Dev-Payment-New", {}),
            ("AddUserToGroup", "group/administrators", {}),
            ("PutGroupPolicy", "group/administrators", {}),
            ("AttachGroupPolicy", "group/administrators", ADMINISTRATOR),
            ("CreatePolicyVersion", f"policy/{BOUNDARY}", {}),
            ("SetDefaultPolicyVersion", f"policy/{EXECUTION}-1", {}),
            ("CreatePolicyVersion", "policy/payment-delivery-no-override", {}),
            ("CreateInstanceProfile", "instance-profile/Dev-Payment-New", {}),
        )
        for resource in [_iam(kind, DEV.account if caller is COMMIT else TOOLING)]
    ),
    _case(COMMIT, "iam:CreateRole", _ROLE, "with our boundary", **OURS),
    _case(COMMIT, "iam:UpdateAccountPasswordPolicy", "*"),
    # CloudFormation creates roles, with our boundary only, and no other identity.
    _case(CLOUDFORMATION, "iam:CreateRole", _ROLE, "without a boundary"),
    _case(CLOUDFORMATION, "iam:CreateRole", _ROLE, "with another boundary", **FOREIGN),
    _case(CLOUDFORMATION, "iam:PutRolePermissionsBoundary", _ROLE, "with another boundary", **FOREIGN),
    _case(CLOUDFORMATION, "iam:PutRolePolicy", _ROLE, "of a role with another boundary", **FOREIGN),
    _case(CLOUDFORMATION, "iam:AttachRolePolicy", _ROLE, "of a role without a boundary", **ADMINISTRATOR),
    _case(CLOUDFORMATION, "iam:DeleteRolePermissionsBoundary", _ROLE, **OURS),
    _case(CLOUDFORMATION, "iam:CreateRole", _iam("role/administrators"), "with our boundary", **OURS),
    _case(CLOUDFORMATION, "iam:CreateUser", _USER, **OURS),
    _case(CLOUDFORMATION, "iam:PutUserPolicy", _USER),
    _case(CLOUDFORMATION, "iam:CreatePolicyVersion", _iam(f"policy/{BOUNDARY}")),
    _case(CLOUDFORMATION, "iam:DeletePolicy", _iam(f"policy/{EXECUTION}-1")),
    _case(CLOUDFORMATION, "iam:UpdateAssumeRolePolicy", _bootstrapped("deploy", DEV.account)),
    _case(CLOUDFORMATION, "iam:CreateOpenIDConnectProvider", _iam("oidc-provider/example.com")),
    # Whatever a commit allows its role, it changes no stack, function or build, and passes no role.
    *(
        _case(TOOLING_COMMIT, action, resource)
        for action, resource in (
            *((f"cloudformation:{call}", _STACK) for call in ("CreateChangeSet", "ExecuteChangeSet", "UpdateStack")),
            *((f"codepipeline:{call}", _PIPELINE) for call in ("CreatePipeline", "UpdatePipeline")),
            *((f"codebuild:{call}", _SELF_UPDATE) for call in ("RetryBuild", "StartBuild", "UpdateProject")),
            *((f"lambda:UpdateFunction{part}", "Payment.Guard") for part in ("Code", "Configuration")),
            ("iam:PassRole", _iam(f"role/{PIPELINE_ROLE}", TOOLING)),
            ("iam:PassRole", _bootstrapped("cfn-exec", TOOLING)),
        )
    ),
    _case(COMMIT, "iam:PassRole", _iam("role/payment-replication-dev")),
    # Another region's CloudFormation would change the pipeline's roles where the watcher does not see it.
    *(
        _case(ELSEWHERE, f"iam:{call}", _iam(f"role/{name}", TOOLING), **_OURS)
        for call in ("PutRolePolicy", "AttachRolePolicy", "CreateRole", "DeleteRolePolicy")
        for name in (GUARD_ROLE, "PipelineStack-New")
    ),
    # Whatever a commit allows its role, it answers no approval and overrides no condition.
    _case(TOOLING_COMMIT, "codepipeline:PutApprovalResult", _APPROVAL),
    _case(TOOLING_COMMIT, "codepipeline:OverrideStageCondition", f"{_PIPELINE}/Prod"),
    _case(DEPLOYMENT, "codepipeline:PutApprovalResult", _APPROVAL),
]

_RULE = f"arn:aws:events:{REGION}:{TOOLING}:rule/PipelineStack-MonitoringEventsOverridden"
_ALARMS = f"arn:aws:sns:{REGION}:{TOOLING}:payment-delivery-alarms"
_ALARM = f"arn:aws:cloudwatch:{REGION}:{TOOLING}:alarm:payment-delivery-gate-overridden"
_TRAIL = f"arn:aws:cloudtrail:{REGION}:{TOOLING}:trail/organization"
_OWN_ROLE, _ANOTHER = _iam("role/Administrator", TOOLING), "arn:aws:iam::aws:policy/ReadOnlyAccess"
_DETACHING = (("DetachRolePolicy", "role"), ("DetachUserPolicy", "user"), ("DetachGroupPolicy", "group"))

_LEADING_PAST_A_GATE = (
    ("codepipeline:OverrideStageCondition", f"{_PIPELINE}/Prod"),
    ("codepipeline:StartPipelineExecution", _PIPELINE),  # of a commit that no one reviewed
    ("codepipeline:UpdatePipeline", _PIPELINE),
    ("codepipeline:CreatePipeline", _PIPELINE),
    ("codepipeline:DeletePipeline", _PIPELINE),
    ("codepipeline:PutJobSuccessResult", "*"),
    ("codepipeline:PutJobFailureResult", "*"),
    ("codepipeline:PutThirdPartyJobSuccessResult", "*"),
    ("codebuild:StartBuild", _SELF_UPDATE),
    ("codebuild:StartBuildBatch", _SELF_UPDATE),
    ("codebuild:RetryBuild", _SELF_UPDATE),
    ("codebuild:StartSandbox", _SELF_UPDATE),
    ("codebuild:UpdateProject", _SELF_UPDATE),
    ("codebuild:CreateProject", _SELF_UPDATE),
    *((f"lambda:UpdateFunction{part}", each) for part in ("Code", "Configuration") for each in FUNCTIONS),
    *(("lambda:InvokeFunction", each) for each in FUNCTIONS),  # with the id of a job, it would answer for another stack
    ("s3:PutObject", f"{_ARTIFACTS}-{REGION}/payment-delivery/Synth_Outp/0"),
    ("s3:PutObject", f"{_ARTIFACTS}-{RECOVERY}/payment-delivery/Synth_Outp/0"),
    ("s3:DeleteObjectVersion", f"{_ARTIFACTS}-{REGION}/payment-delivery/Synth_Outp/0"),
    ("s3:PutBucketPolicy", f"{_ARTIFACTS}-{REGION}"),
    ("s3:DeleteObjectVersion", f"arn:aws:s3:::payment-delivery-access-logs-{TOOLING}-{REGION}/artifacts/0"),
    ("cloudformation:UpdateStack", _STACK),
    ("cloudformation:CreateChangeSet", _STACK),
    ("cloudformation:ExecuteChangeSet", _STACK),
    *((f"cloudformation:{call}", _STACK) for call in ("DeleteStack", "CancelUpdateStack", "CreateStackRefactor")),
    *((f"cloudformation:{call}", _STACK) for call in ("ExecuteStackRefactor", "UpdateTerminationProtection")),
    *((f"events:{call}", _RULE) for call in ("DeleteRule", "DisableRule", "PutRule", "PutTargets", "RemoveTargets")),
    *((f"sns:{call}", _ALARMS) for call in ("DeleteTopic", "RemovePermission", "SetSubscriptionAttributes")),
    *((f"sns:{call}", _ALARMS) for call in ("PutDataProtectionPolicy", "SetTopicAttributes", "Unsubscribe")),
    *((f"cloudwatch:{call}", _ALARM) for call in ("DeleteAlarms", "DisableAlarmActions", "PutMetricAlarm")),
    *((f"cloudtrail:{call}", _TRAIL) for call in ("DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail")),
    ("iam:PassRole", _iam(f"role/{PIPELINE_ROLE}", TOOLING)),
    ("iam:PassRole", _iam(f"role/{_BUILDS}", TOOLING)),
    ("iam:PassRole", _bootstrapped("cfn-exec", TOOLING)),
    ("iam:UpdateAssumeRolePolicy", _iam(f"role/{PIPELINE_ROLE}", TOOLING)),
    ("iam:UpdateAssumeRolePolicy", _bootstrapped("deploy", TOOLING)),
    ("iam:PutRolePolicy", _iam(f"role/{_BUILDS}", TOOLING)),
    ("iam:CreateRole", _iam(f"role/{_BUILDS}", TOOLING)),
    ("iam:CreatePolicyVersion", _iam(f"policy/{NO_OVERRIDE}", TOOLING)),
    ("sts:AssumeRole", _bootstrapped("deploy", TOOLING)),
    ("sts:AssumeRole", _bootstrapped("file-publishing", TOOLING)),
    ("sts:AssumeRole", _bootstrapped("deploy", PROD.account)),
    ("sts:AssumeRole", _bootstrapped("deploy", PROD.account, RECOVERY)),
    ("sts:AssumeRole", _bootstrapped("file-publishing", PROD.account)),
    ("sts:AssumeRole", _bootstrapped("lookup", PROD.account)),
)

_OF_THE_PIPELINE = (PIPELINE_ROLE, SELF_MUTATION_ROLE, ASSETS_ROLE, GUARD_ROLE, planner_name(PROD), verifier_name(PROD))
_NEW = _iam("role/PipelineStack-New", TOOLING)

PAST_A_GATE = [
    *(_case(caller, action, on) for caller in (PERSON, APPROVING) for action, on in _LEADING_PAST_A_GATE),
    _case(PERSON, "codepipeline:PutApprovalResult", _APPROVAL),
    *(
        _case(caller, f"iam:{call}", _iam(f"{kind}/Administrator", TOOLING), **{"iam:PolicyARN": policy})
        for caller in (PERSON, APPROVING)
        for call, kind in _DETACHING
        for policy in [_iam(f"policy/{NO_OVERRIDE if caller is PERSON else APPROVER}", TOOLING)]
    ),
    # Before any gate, a commit deploys the pipeline's stack: it does not decide who assumes the roles that Prod trusts.
    *(_case(DEPLOYMENT, "iam:UpdateAssumeRolePolicy", _iam(f"role/{name}", TOOLING)) for name in _OF_THE_PIPELINE),
    _case(DEPLOYMENT, "iam:DeleteRole", _iam(f"role/{PIPELINE_ROLE}", TOOLING)),
    _case(DEPLOYMENT, "iam:CreateRole", _iam(f"role/{IMAGE_ASSETS_ROLE}", TOOLING), "that no template has", **_OURS),
    # The pipeline's builds run the code of a commit before any gate.
    _case(SYNTH, "sts:AssumeRole", _bootstrapped("deploy", PROD.account)),
    _case(SYNTH, "codepipeline:PutApprovalResult", _APPROVAL),
    _case(SYNTH, "codebuild:StartBuild", _SELF_UPDATE),
    _case(SELF_MUTATION, "sts:AssumeRole", _bootstrapped("deploy", PROD.account)),
    _case(PLAN, "sts:AssumeRole", _bootstrapped("deploy", PROD.account)),
    _case(VERIFIER, "sts:AssumeRole", role_arn(verification_role_name(PROD), PROD)),
    _case(FREE, "sts:AssumeRole", role_arn(verification_role_name(PROD), PROD)),
]

_RELEASE = f"{_ARTIFACTS}-{REGION}/payment-delivery/Synth_Outp/0"
_PLAN = f"{_ARTIFACTS}-{REGION}/plans/0"
_IN_PROD = {"aws:ResourceAccount": PROD.account}
_ASSET = f"arn:aws:s3:::cdk-hnb659fds-assets-{PROD.account}-{REGION}/0123456789abcdef.zip"
OVERWRITING_A_RELEASE = [
    # A release waits for its approval as objects that have names without a version.
    *(
        _case(caller, action, resource)
        for caller, resource in (
            *((caller, _RELEASE) for caller in (PLAN, VERIFIER, SELF_MUTATION, RECORDER)),
            (SYNTH, f"{_ARTIFACTS}-{REGION}/payment-delivery/Source_Out/0"),
            (SYNTH, f"{_ARTIFACTS}-{RECOVERY}/payment-delivery/Synth_Outp/0"),
            (SYNTH, f"{_PLAN}/Prod.html"),
            (PLAN, f"{_PLAN}/Staging.html"),
        )
        for action in ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion")
    ),
    _case(PLAN, "s3:DeleteObject", f"{_PLAN}/Prod.html"),
    # An asset with one version only passes the guard, so what published it must not delete the other one.
    *(_case(PUBLISHER, f"s3:{call}", _ASSET, **_IN_PROD) for call in ("DeleteObject", "DeleteObjectVersion")),
    # The role that records what Build made cannot lead a release further, nor read one without a job's credentials.
    _case(RECORDER, "s3:GetObject", _RELEASE),
    _case(RECORDER, "codepipeline:PutApprovalResult", _APPROVAL),
    _case(RECORDER, "lambda:InvokeFunction", "Payment.Guard"),
    _case(RECORDER, "sts:AssumeRole", _bootstrapped("lookup", PROD.account)),
]

_WATCHER = f"{REGION}:{TOOLING}"
_FUNCTION, _TOPIC = f"arn:aws:lambda:{_WATCHER}:function:{WATCHER}", f"arn:aws:sns:{_WATCHER}:{WATCHER}"
_RULES = [f"arn:aws:events:{_WATCHER}:rule/{WATCHER}-{name}" for name in ("pipelines", "roles")]
_CHANGING_THE_WATCHER = (
    *((f"events:{call}", rule) for rule in _RULES for call in ("DeleteRule", "DisableRule", "PutRule")),
    *((f"events:{call}", rule) for rule in _RULES for call in ("PutTargets", "RemoveTargets")),
    *((f"lambda:{call}", _FUNCTION) for call in ("DeleteFunction", "PutFunctionConcurrency", "RemovePermission")),
    *((f"lambda:UpdateFunction{part}", _FUNCTION) for part in ("Code", "Configuration", "EventInvokeConfig")),
    *((f"sns:{call}", _TOPIC) for call in ("DeleteTopic", "Publish", "PutDataProtectionPolicy", "SetTopicAttributes")),
    *((f"sns:{call}", _TOPIC) for call in ("SetSubscriptionAttributes", "Unsubscribe")),
    ("logs:DeleteLogGroup", f"arn:aws:logs:{_WATCHER}:log-group:/aws/lambda/{WATCHER}"),
    ("iam:DeleteRole", _iam(f"role/{WATCHER}", TOOLING)),
    ("iam:DeleteRolePolicy", _iam(f"role/{WATCHER}", TOOLING)),
    ("iam:PassRole", _iam(f"role/{WATCHER}", TOOLING)),
    ("iam:PutRolePolicy", _iam(f"role/{WATCHER}", TOOLING)),
    ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{_WATCHER}:stack/payment-delivery-permissions/1a2b"),
    ("cloudformation:UpdateStack", f"arn:aws:cloudformation:{_WATCHER}:stack/payment-delivery-permissions/1a2b"),
    ("cloudformation:UpdateStack", f"arn:aws:cloudformation:{_WATCHER}:stack/payment-delivery-watcher/1a2b"),
)
_ELSEWHERE = _PIPELINE.replace(REGION, RECOVERY)
BLINDING_THE_WATCHER = [
    *(
        _case(caller, action, on)
        for caller in (TOOLING_COMMIT, DEPLOYMENT, PERSON, APPROVING)
        for action, on in _CHANGING_THE_WATCHER
    ),
    # A pipeline in a region that it does not watch; and the trail that its events come from.
    *(
        _case(caller, f"codepipeline:{call}", _ELSEWHERE, "in another region", **{"aws:RequestedRegion": RECOVERY})
        for caller in (TOOLING_COMMIT, DEPLOYMENT)
        for call in ("CreatePipeline", "UpdatePipeline")
    ),
    _case(TOOLING_COMMIT, "cloudtrail:StopLogging", f"arn:aws:cloudtrail:{_WATCHER}:trail/organization"),
]

_READER, _OBJECTS = role_arn(plan_role_name(PROD), PROD), "arn:aws:s3:::payment-audit-prod"
_OF_BOOTSTRAP = tuple(
    _bootstrapped(role, PROD.account, region)
    for role in ("deploy", "file-publishing", "image-publishing", "lookup")
    for region in (REGION, RECOVERY)
)

PAST_THE_PIPELINE = [
    # A role of the tooling account, or of Prod, is not trusted because of its account.
    *(
        _case(caller, "sts:AssumeRole", role)
        for caller in (FREE, TOOLING_COMMIT, PROD_ADMINISTRATOR)
        for role in (*_OF_BOOTSTRAP, _READER)
    ),
    *(
        _case(FREE, "sts:AssumeRole", _bootstrapped(role, TOOLING))
        for role in ("deploy", "file-publishing", "image-publishing", "lookup")
    ),
    _case(COMMIT, "sts:AssumeRole", _bootstrapped("deploy", DEV.account)),
    # Each role of the pipeline is trusted for its own work only.
    _case(PIPELINE, "sts:AssumeRole", _bootstrapped("file-publishing", PROD.account)),
    _case(ASSETS, "sts:AssumeRole", _bootstrapped("deploy", PROD.account)),
    _case(ASSETS, "sts:AssumeRole", _bootstrapped("deploy", TOOLING)),
    _case(SYNTH, "sts:AssumeRole", _READER),
    _case(PLAN, "sts:AssumeRole", _bootstrapped("lookup", PROD.account)),
    _case(PLAN, "sts:AssumeRole", role_arn(plan_role_name(STAGING), STAGING)),
    _case(CLOUDFORMATION, "iam:UpdateAssumeRolePolicy", role_arn(plan_role_name(DEV), DEV)),
    _case(CLOUDFORMATION, "iam:PutRolePolicy", role_arn(plan_role_name(DEV), DEV), **OURS),
    # The plan runs the code of a commit before its approval: it reads templates, and no data.
    *(
        _case(READER, action, resource)
        for action, resource in (
            ("s3:GetObject", f"{_OBJECTS}/object"),
            ("s3:ListBucket", _OBJECTS),
            ("logs:FilterLogEvents", f"arn:aws:logs:{REGION}:{PROD.account}:log-group:/payment/prod"),
            ("dynamodb:Scan", f"arn:aws:dynamodb:{REGION}:{PROD.account}:table/payment-sessions-prod"),
            ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{PROD.account}:secret:payment-prod"),
            ("ssm:GetParameter", f"arn:aws:ssm:{REGION}:{PROD.account}:parameter/payment/prod/manifest"),
            ("cloudformation:GetTemplate", f"arn:aws:cloudformation:{REGION}:{PROD.account}:stack/CDKToolkit/0"),
            ("cloudformation:ExecuteChangeSet", f"arn:aws:cloudformation:{REGION}:{PROD.account}:stack/Prod-Payment/0"),
        )
    ),
]

_TO_S3 = {"iam:PassedToService": "s3.amazonaws.com"}
_ROLE_TAG = "iam:ResourceTag/aws-cdk:bootstrap-role"
CONTROLS = [
    _case(CLOUDFORMATION, "iam:CreateRole", _ROLE, "with our boundary", **OURS),
    _case(CLOUDFORMATION, "iam:PutRolePolicy", _ROLE, "of a role with our boundary", **OURS),
    _case(CLOUDFORMATION, "iam:AttachRolePolicy", _ROLE, "of a role with our boundary", **OURS),
    _case(CLOUDFORMATION, "iam:CreatePolicy", _iam("policy/Dev-Payment-New")),
    _case(CLOUDFORMATION, "iam:DeleteRole", _ROLE),
    _case(COMMIT, "iam:GetRole", _OWN),
    _case(COMMIT, "s3:GetObject", "arn:aws:s3:::payment-any/object"),
    _case(DEPLOYMENT, "codepipeline:UpdatePipeline", _PIPELINE),
    _case(DEPLOYMENT, "codebuild:UpdateProject", _SELF_UPDATE),
    *(
        _case(DEPLOYMENT, f"iam:{call}", _iam(f"role/{name}", TOOLING), **_OURS)
        for name in _OF_THE_PIPELINE
        for call in ("CreateRole", "PutRolePolicy", "AttachRolePolicy")
    ),
    _case(DEPLOYMENT, "iam:TagRole", _iam(f"role/{PIPELINE_ROLE}", TOOLING)),
    _case(DEPLOYMENT, "iam:DeleteRole", _iam(f"role/{planner_name(PROD)}", TOOLING)),  # of a removed environment
    *(_case(DEPLOYMENT, f"iam:{call}", _NEW) for call in ("DeleteRole", "UpdateAssumeRolePolicy")),
    _case(DEPLOYMENT, "events:PutRule", f"arn:aws:events:{_WATCHER}:rule/PipelineStack-Ended"),
    _case(APPROVING, "codepipeline:PutApprovalResult", _APPROVAL),
    _case(PERSON, "codepipeline:StopPipelineExecution", _PIPELINE),
    _case(PERSON, "codepipeline:RetryStageExecution", f"{_PIPELINE}/Prod"),
    _case(PERSON, "codepipeline:RollbackStage", f"{_PIPELINE}/Prod"),
    _case(PERSON, "codepipeline:DisableStageTransition", f"{_PIPELINE}/Prod"),
    _case(PERSON, "s3:GetObject", f"{_ARTIFACTS}-{REGION}/plans/0/Prod.html"),
    _case(PERSON, "cloudformation:ContinueUpdateRollback", _STACK),
    _case(PERSON, "iam:GetRole", _iam(f"role/{PIPELINE_ROLE}", TOOLING)),
    _case(PERSON, "iam:DetachRolePolicy", _OWN_ROLE, "of another policy", **{"iam:PolicyARN": _ANOTHER}),
    _case(PERSON, "cloudtrail:GetTrailStatus", _TRAIL),
    _case(PERSON, "cloudwatch:SetAlarmState", f"arn:aws:cloudwatch:{REGION}:{TOOLING}:alarm:payment-any"),
    _case(FREE, "codepipeline:UpdatePipeline", _PIPELINE),
    *(_case(FREE, f"codepipeline:{call}", _PIPELINE) for call in ("StartPipelineExecution", "DeletePipeline")),
    _case(FREE, "s3:PutObject", _RELEASE),
    *(
        _case(PUBLISHER, f"s3:{call}", _ASSET, **_IN_PROD)
        for call in ("GetObject", "PutObject", "AbortMultipartUpload")
    ),
    *(_case(DEPLOYMENT, f"lambda:UpdateFunction{part}", "Payment.Guard") for part in ("Code", "Configuration")),
    _case(CLOUDFORMATION, "iam:PassRole", _iam("role/payment-replication-dev"), **_TO_S3),
    _case(DR_CLOUDFORMATION, "iam:PutRolePolicy", _iam("role/Dev-DisasterRecovery-New"), **OURS),
    _case(PIPELINE, "codebuild:StartBuild", _SELF_UPDATE),
    _case(PIPELINE, "s3:PutObject", f"{_ARTIFACTS}-{REGION}/payment-delivery/Source_Out/0"),
    *(_case(PIPELINE, "sts:AssumeRole", _bootstrapped("deploy", PROD.account, on)) for on in (REGION, RECOVERY)),
    _case(ASSETS, "sts:AssumeRole", _bootstrapped("file-publishing", PROD.account)),
    *(_case(caller, "sts:AssumeRole", _READER) for caller in (GUARD, PLAN)),
    _case(GUARD, "sts:AssumeRole", role_arn(plan_role_name(DEV), DEV)),
    *(
        _case(READER, f"cloudformation:{call}", f"arn:aws:cloudformation:{region}:{PROD.account}:stack/{stack}/0")
        for call in ("DescribeChangeSet", "DescribeStacks", "GetTemplate")
        for stack, region in (("Prod-Payment", REGION), ("Prod-DisasterRecovery", RECOVERY))
    ),
    _case(READER, "s3:ListBucketVersions", f"arn:aws:s3:::cdk-hnb659fds-assets-{PROD.account}-{RECOVERY}"),
    _case(READER, "s3:GetObject", f"arn:aws:s3:::cdk-hnb659fds-assets-{PROD.account}-{RECOVERY}/object"),
    _case(READER, "cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{REGION}:{PROD.account}:alarm:payment-any-prod"),
    *(_case(BREAK_GLASS, "sts:AssumeRole", role) for role in _OF_BOOTSTRAP),
    _case(TOOLING_BREAK_GLASS, "sts:AssumeRole", _bootstrapped("deploy", TOOLING)),
    *(
        _case(SYNTH, "s3:PutObject", f"{_ARTIFACTS}-{REGION}/payment-delivery/{artifact}/0")
        for artifact in ("Synth_Outp", "Synth_buil")
    ),
    *(_case(PLAN, "s3:PutObject", f"{_PLAN}/Prod.{kind}") for kind in ("html", "txt")),
    _case(RECORDER, "codepipeline:PutJobSuccessResult", "*"),
    *(
        _case(SELF_MUTATION, "sts:AssumeRole", _bootstrapped(role, TOOLING), **{_ROLE_TAG: role})
        for role in ("deploy", "file-publishing")
    ),
    _case(VERIFIER, "sts:AssumeRole", role_arn(verification_role_name(DEV), DEV)),
]
