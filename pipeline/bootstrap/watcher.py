"""The watcher: notifies of calls that lead past a gate, of the gates of every changed pipeline, and of image findings.

`make bootstrap` writes bootstrap/watcher.json, a stack of its own that no commit and no role of
the delivery changes. In every account it watches who assumes the roles of `cdk bootstrap` and who changes trails and
what notifies, in the tooling account also pipelines, builds, functions and what CloudFormation changes, and in the
account of the image's registry its findings. Calls need a CloudTrail trail, which account.py checks;
docs/operations.md#watcher says what it misses.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import DefaultStackSynthesizer

from payment_constructs.monitoring.controls import CALLS, NOTICES, by_others, detail_of
from payment_constructs.monitoring.notification import API_CALL
from pipeline.duties import WATCHER, watcher_arns
from pipeline.notifications import OF_ANOTHER_COMMIT, OVERRIDING
from pipeline.settings import Delivery
from stages.names import FINDINGS_ROLE, GUARD_ROLE, PIPELINE_ROLE

FILE = Path(__file__).parents[2] / "bootstrap" / "watcher.json"
CODE = Path(__file__).with_name("watcher_handler.py")

_RETENTION_DAYS = 400  # PCI DSS 10.5.1 requires twelve months
_BOOTSTRAPPED = f"*:role/cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}-*"


def denials(delivery: Delivery) -> list[dict[str, Any]]:
    """Statements of the permissions boundary: no change of the watcher, and no pipeline where it does not watch."""
    ours = [_sub(arn) for arn in watcher_arns("${AWS::AccountId}")]
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": delivery.primary_region}}
    changes = ["codepipeline:CreatePipeline", "codepipeline:UpdatePipeline"]
    return [
        {"Effect": "Deny", "Action": "*", "Resource": ours},
        {"Effect": "Deny", "Action": changes, "Resource": "*", "Condition": elsewhere},
    ]


def text(delivery: Delivery) -> str:
    """The content of the file."""
    template = {"Description": "Watcher of the payment delivery.", "Resources": resources(delivery)}
    return json.dumps(template, indent=1) + "\n"


def resources(delivery: Delivery) -> dict[str, Any]:
    """The topic with its mailbox, the function with its role and log, and the rules, as CloudFormation resources."""
    topic, function = {"Ref": "WatcherTopic"}, {"Fn::GetAtt": ["WatcherFunction", "Arn"]}
    return {
        # With the key of SNS, which only principals of the account may use: the function publishes, no service does.
        "WatcherTopic": _resource("SNS::Topic", TopicName=WATCHER, KmsMasterKeyId="alias/aws/sns"),
        "WatcherMailbox": _resource(
            "SNS::Subscription", TopicArn=topic, Protocol="email", Endpoint=delivery.notifications.email
        ),
        "WatcherLog": _resource(
            "Logs::LogGroup", LogGroupName=f"/aws/lambda/{WATCHER}", RetentionInDays=_RETENTION_DAYS
        ),
        "WatcherRole": _role(topic),
        "WatcherFunction": _resource(
            "Lambda::Function",
            FunctionName=WATCHER,
            Runtime="python3.14",
            Handler="index.handler",
            Timeout=60,
            Role={"Fn::GetAtt": ["WatcherRole", "Arn"]},
            Environment={"Variables": {"TOPIC": topic}},
            Code={"ZipFile": CODE.read_text(encoding="utf-8")},
        ),
        "WatcherFailures": _resource(  # what the function could not publish in three attempts
            "Lambda::EventInvokeConfig",
            FunctionName={"Ref": "WatcherFunction"},
            Qualifier="$LATEST",
            DestinationConfig={"OnFailure": {"Destination": topic}},
        ),
        "WatcherPermission": _resource(
            "Lambda::Permission",
            FunctionName=function,
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=_sub(f"arn:aws:events:${{AWS::Region}}:${{AWS::AccountId}}:rule/{WATCHER}-*"),
        ),
        "WatchedRoles": _rule(
            "roles",
            pattern=_uses_of_bootstrapped_roles(delivery),
            function=function,
            # AssumeRole is a read-only management event, which no rule receives by default:
            # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
            State="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
        ),
        "WatchedNotices": _rule("notices", pattern=_changes_of_notices(delivery), function=function),
        **{
            f"Watched{name.capitalize()}": _rule(
                name, pattern={"account": [delivery.account], **pattern}, function=function
            )
            for name, pattern in _in_the_tooling_account(delivery).items()
        },
        "WatchedFindings": _rule("findings", pattern=_findings(delivery), function=function),
    }


def _role(topic: Mapping[str, str]) -> dict[str, Any]:
    trusted = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    pipelines = _sub("arn:aws:codepipeline:${AWS::Region}:${AWS::AccountId}:*")
    statements = [
        {"Effect": "Allow", "Action": "codepipeline:GetPipeline", "Resource": pipelines},
        {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic},
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": {"Fn::GetAtt": ["WatcherLog", "Arn"]},
        },
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    return _resource(
        "IAM::Role",
        RoleName=WATCHER,
        AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [trusted]},
        Policies=[{"PolicyName": WATCHER, "PolicyDocument": document}],
    )


def _in_the_tooling_account(delivery: Delivery) -> dict[str, Any]:
    """The patterns of the calls that lead past a gate, by the service.

    Approvers are in the team's identity provider, under names that are unknown here: every answer notifies. An
    UpdatePipeline of the pipeline itself notifies too, and so does what CloudFormation changed.
    """
    region, deployment = delivery.primary_region, f"cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}-cfn-exec-role"
    by_others = _by_others([f"{deployment}-{delivery.account}-{region}"])
    pipelines = ("CreatePipeline", "PutApprovalResult", *OVERRIDING)
    jobs, builds = ("PutJob", "PutThirdPartyJob"), ("Start", "Retry")
    projects = ("CreateProject", "CreateWebhook", "DeleteProject", "UpdateProject", "UpdateWebhook")
    # CloudTrail appends the version of Lambda's API to these names.
    functions = ("AddPermission", "CreateFunction", "DeleteFunction", "PutFunction", "UpdateFunction")
    # Jobs are those of the delivery's own functions, such as the guard; the pipeline starts its builds with overrides.
    role = f"arn:aws:iam::{delivery.account}:role/"
    named = [{"anything-but": [f"{role}{name}" for name in (GUARD_ROLE, FINDINGS_ROLE)]}]
    its_functions = _by_others({"prefix": f"{delivery.stack_name}-"}, arn=named)
    its_builds = _by_others([PIPELINE_ROLE])
    return {
        "pipelines": _calls(
            "codepipeline", [{"eventName": list(pipelines)}, OF_ANOTHER_COMMIT, *_each(jobs, its_functions)]
        ),
        "builds": _calls("codebuild", [*_each(builds, its_builds), *_each(projects, by_others)]),
        "functions": _calls("lambda", _each(functions, by_others)),
        "resources": _changed_resources(delivery),
    }


def _changed_resources(delivery: Delivery) -> dict[str, Any]:
    """The pattern of what CloudFormation has changed in roles, functions and builds, before any gate.

    Of every stack, since a commit may have another one deployed before the pipeline's, whose policies apply to the
    pipeline's roles. A trial may deploy its environments here too: there, of the pipeline's stack only. CloudFormation
    sends these events itself, without a trail.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-resource-status-change.html
    """
    stack = f"arn:aws:cloudformation:{delivery.primary_region}:{delivery.account}:stack/{delivery.stack_name}"
    its_own = {"stack-id": [{"prefix": stack}]}
    return {
        "source": ["aws.cloudformation"],
        "detail-type": ["CloudFormation Resource Status Change"],
        "detail": {
            **(its_own if delivery.trial else {}),
            "resource-type": [{"prefix": f"AWS::{service}::"} for service in ("CodeBuild", "IAM", "Lambda")],
            "status-details": {"status": [{"suffix": "_COMPLETE"}]},
        },
    }


def _findings(delivery: Delivery) -> dict[str, Any]:
    """The pattern of critical findings in the service's images, of enhanced and of basic scans.

    It names the repository: another digest with each release would need another deployment of this file. The message
    has the digest. https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-events.html
    """
    image = delivery.image
    return {
        "account": [image.account],
        "source": ["aws.ecr", "aws.inspector2"],
        "detail-type": ["ECR Image Scan", "Inspector2 Finding"],
        "detail": {
            "$or": [
                {
                    "severity": ["CRITICAL"],
                    "status": ["ACTIVE"],
                    "resources": {"id": [{"prefix": f"{image.repository_arn}/"}]},
                },
                {
                    "repository-name": [image.repository],
                    "finding-severity-counts": {"CRITICAL": [{"numeric": [">", 0]}]},
                },
            ]
        },
    }


def _uses_of_bootstrapped_roles(delivery: Delivery) -> dict[str, Any]:
    """The pattern of an AssumeRole on a role of `cdk bootstrap`, refused or not, by others than roles of the delivery.

    The account of a role sees only the account of a caller from another one, not its role: the tooling account's own
    rule judges that. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """
    tooling = delivery.account
    role_of_ours = f"arn:aws:iam::{tooling}:role/{PIPELINE_ROLE.removesuffix('pipeline')}"
    role_of_stack = f"{delivery.stack_name}-"
    foreign, unnamed = {"accountId": [{"anything-but": [tooling]}]}, ["AssumedRole", "AWSAccount", "AWSService"]
    return {
        "source": ["aws.sts"],
        "detail-type": [API_CALL],
        "detail": {
            "eventSource": ["sts.amazonaws.com"],
            "eventName": [{"prefix": "AssumeRole"}],
            "$or": [  # a refused call may have no parameters
                {"requestParameters": {"roleArn": [{"wildcard": _BOOTSTRAPPED}]}},
                {"errorMessage": [{"wildcard": _BOOTSTRAPPED}]},
            ],
            "userIdentity": {
                "$or": [
                    {"type": [{"anything-but": unnamed}]},  # a user, or root
                    {"type": ["AWSAccount"], **foreign},
                    {"type": ["AssumedRole"], **_issuer(**foreign)},
                    # Two fields, because anything-but is documented with one prefix:
                    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
                    {
                        "type": ["AssumedRole"],
                        **_issuer(
                            userName=[{"anything-but": {"prefix": role_of_stack}}],
                            arn=[{"anything-but": {"prefix": role_of_ours}}],
                        ),
                    },
                ]
            },
        },
    }


def _changes_of_notices(delivery: Delivery) -> dict[str, Any]:
    """The pattern of a change of rules, alarms, topics and trails by others than CloudFormation and services of AWS."""
    deployment = f"cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}-cfn-exec-role-${{AWS::AccountId}}"
    services = _sub("arn:aws:iam::${AWS::AccountId}:role/aws-service-role/")
    calls = detail_of({**NOTICES, "cloudtrail": CALLS["Logs"]["cloudtrail"]})
    return {
        "source": [{"prefix": "aws."}],
        "detail-type": [API_CALL],
        "detail": calls | by_others([_sub(f"{deployment}-{delivery.primary_region}")], services=services),
    }


def _calls(service: str, either: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    calls = {"$or": list(either)} if len(either) > 1 else either[0]  # EventBridge refuses an $or of one
    return {
        "source": [f"aws.{service}"],
        "detail-type": [API_CALL],
        "detail": {"eventSource": [f"{service}.amazonaws.com"], **calls},
    }


def _each(prefixes: Sequence[str], callers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"eventName": [{"prefix": prefix} for prefix in prefixes], **caller} for caller in callers]


def _by_others(expected: object, **more: list[Any]) -> list[dict[str, Any]]:
    """A caller in another role than the expected ones, or in none: a user, or root."""
    return [
        {"userIdentity": _issuer(userName=[{"anything-but": expected}], **more)},
        {"userIdentity": _issuer(userName=[{"exists": False}])},
    ]


def _issuer(**fields: list[Any]) -> dict[str, Any]:
    return {"sessionContext": {"sessionIssuer": fields}}


def _rule(name: str, *, pattern: Mapping[str, Any], function: Mapping[str, Any], **more: str) -> dict[str, Any]:
    targets = [{"Id": "Watcher", "Arn": function}]
    return _resource("Events::Rule", Name=f"{WATCHER}-{name}", EventPattern=pattern, Targets=targets, **more)


def _resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def _sub(text: str) -> dict[str, str]:
    return {"Fn::Sub": text}
