"""What the emulator does for each resource type, and what no rehearsal on it proves."""

from collections.abc import Mapping
from typing import Any

from cdk_rehearsal.emulator.process import EMULATED, RECORDED
from cdk_rehearsal.emulator.server.recorded import DROPPED, TYPES

NOT_PROVED = (
    "IAM: no permission is enforced; where the report judges permissions, it judges the requests of roles and what "
    "services call for them. CloudFormation's execution role sends no request here: nothing proves its policies. Of "
    "VPC endpoints it judges the policies for functions, not for containers. No service control policy and no resource "
    "control policy is judged: the organization owns them. Nor are the policies that services need on keys and topics, "
    "and calls of roles or on buckets that were deleted since.",
    "Change sets: none reports a replacement that follows from the replacement of another resource.",
    "Lambda: a function in a VPC has no network interface there, and its security groups block nothing.",
    "Property validation: CloudFormation refuses many values that the emulator accepts.",
    "ECS: the API only, no container runs, so no health check, canary, deployment alarm or target is real.",
    "ECR: an image that nobody pushed counts as pushed and scanned, without findings.",
    "CodeBuild: the rehearsal runs the build commands on this machine.",
    "KMS: keys, policies and grants exist, but nothing is encrypted with them.",
    "Cross-account artifacts: the rehearsal reads them with the pipeline's account; the role's permission is judged.",
    "Stack tags: they do not reach every resource.",
    "Queued executions: here they wait for the whole pipeline, on AWS for each stage.",
    "EventBridge: CodePipeline publishes no event, so no rule on one starts its function or sends a notification.",
    "Quotas, timing, cost, and eventual consistency.",
)
DATABASE = (
    "Aurora: each PostgreSQL cluster is one server of the installed version, reached by functions in Python; readers, "
    "parameter groups, AWS's extensions and the log in CloudWatch are not there, and a copy interrupts its sessions. A "
    "user with the role rds_iam logs in without a check of its IAM token, and nothing judges rds-db:connect."
)
NO_DATABASE = "Aurora: no database answers, and a rotation sets and tests no password there"
LIMITS = {
    "AWS::Backup::BackupPlan": "no backup job runs on schedule",
    "AWS::Backup::BackupVault": "a recovery point of a table is a record without data; copies need no opt-in",
    "AWS::CertificateManager::Certificate": "issued at once, without validation of the domain",
    "AWS::CloudWatch::Alarm": "metric math is recorded only: such an alarm changes state by SetAlarmState alone",
    "AWS::CodeBuild::Project": "the rehearsal runs the build commands on this machine",
    "AWS::CodePipeline::Pipeline": "the rehearsal carries out the actions",
    "AWS::EC2::VPCPeeringConnection": "its DNS resolution is recorded only",
    "AWS::ECS::Service": "no container runs",
    "AWS::ECS::TaskDefinition": "no container runs",
    "AWS::ElasticLoadBalancingV2::ListenerRule": "forwards to the first of its target groups only",
    "AWS::Events::Rule": "no event of CodePipeline reaches it",
    "AWS::IAM::ManagedPolicy": "not enforced, but judged for the requests of roles",
    "AWS::IAM::Policy": "not enforced, but judged for the requests of roles",
    "AWS::IAM::Role": "not enforced, but judged for its requests",
    "AWS::RDS::DBCluster": "one server for writer and readers, if it is Aurora PostgreSQL",
    "AWS::RDS::DBInstance": "no server of its own",
    "AWS::WAFv2::WebACL": "no request is filtered",
}


def report(emulated: Mapping[str, str], *, no_database: str) -> dict[str, Any]:
    """The coverage page: kind and note of each type, what is not proved, and why no database answers, if none does."""
    types = {name: {"kind": EMULATED, "note": _note(name, note)} for name, note in sorted(emulated.items())}
    types |= {name: {"kind": RECORDED, "note": note} for name, note in TYPES.items()}
    without = f"{NO_DATABASE}: {no_database}." if no_database else ""
    return {"types": types, "not_proved": (*NOT_PROVED, without or DATABASE), "no_database": without}


def _note(resource_type: str, note: str) -> str:
    dropped = DROPPED.get(resource_type)
    recorded = f"recorded only: {', '.join(dropped)}" if dropped else ""
    return "; ".join(filter(None, [note or LIMITS.get(resource_type, ""), recorded]))
