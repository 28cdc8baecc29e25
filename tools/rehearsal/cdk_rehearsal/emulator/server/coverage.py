"""The emulator's account of itself, for the closing report of a rehearsal."""

from collections.abc import Iterable, Mapping
from typing import Any

from cdk_rehearsal.emulator.process import EMULATED, RECORDED
from cdk_rehearsal.emulator.server.bridge import ResourceType
from cdk_rehearsal.emulator.server.recorded import DROPPED, TYPES

NOT_PROVED = (
    "IAM: no permission is enforced, and a role that does not exist can be assumed.",
    "Change sets: none says that a resource may be replaced because of what it refers to.",
    "Lambda: a function in a network has no interface there, and its security groups hold nothing back.",
    "Property validation: CloudFormation refuses many values that the emulator accepts.",
    "Aurora: the API only, no PostgreSQL behind it.",
    "ECS: the API only, no container runs, so no health check, deployment alarm or load balancer target is real.",
    "CodeBuild: the rehearsal runs the build commands itself, on this machine.",
    "KMS: keys, policies and grants exist, but no store encrypts with them.",
    "Reading artifacts from another account: the rehearsal reads them as the pipeline's own account.",
    "Tags of a stack: they do not reach every resource.",
    "Queued executions: they wait for the whole pipeline here, for each stage on AWS.",
    "Advisories: the dependency audit is told that no vulnerability is known.",
    "Quotas, timing, cost, and eventual consistency.",
)
LIMITS = {
    "AWS::Backup::BackupPlan": "no backup job runs by itself",
    "AWS::Backup::BackupVault": "a recovery point is a record, from which nothing can be restored",
    "AWS::CertificateManager::Certificate": "issued at once, whoever owns the domain",
    "AWS::CloudWatch::Alarm": "metric math is recorded only: such an alarm changes state by SetAlarmState alone",
    "AWS::CodeBuild::Project": "the rehearsal runs the build commands itself, on this machine",
    "AWS::CodePipeline::Pipeline": "the rehearsal carries out the actions",
    "AWS::EC2::VPCPeeringConnection": "its DNS resolution is recorded only",
    "AWS::ECS::Service": "no container runs",
    "AWS::ECS::TaskDefinition": "no container runs",
    "AWS::IAM::ManagedPolicy": "not enforced",
    "AWS::IAM::Policy": "not enforced",
    "AWS::IAM::Role": "not enforced",
    "AWS::RDS::DBCluster": "no PostgreSQL behind it",
    "AWS::RDS::DBInstance": "no PostgreSQL behind it",
    "AWS::WAFv2::WebACL": "no request is filtered",
}


def report(*, native: Iterable[str], bridged: Mapping[str, ResourceType]) -> dict[str, Any]:
    """The page as JSON: class and note of each type, and what no rehearsal here proves."""
    types = {name: {"kind": EMULATED, "note": _note(name, bridged)} for name in sorted({*native, *bridged})}
    types |= {name: {"kind": RECORDED, "note": note} for name, note in TYPES.items()}
    return {"types": types, "not_proved": NOT_PROVED}


def _note(resource_type: str, bridged: Mapping[str, ResourceType]) -> str:
    ours = bridged.get(resource_type)
    notes = [ours.note if ours else LIMITS.get(resource_type, "")]
    if dropped := DROPPED.get(resource_type):
        notes.append(f"recorded only: {', '.join(dropped)}")
    return "; ".join(filter(None, notes))
