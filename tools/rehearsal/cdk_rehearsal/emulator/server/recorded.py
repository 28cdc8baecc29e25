"""Resources, and parts of resources, that are only recorded: they exist with their properties and do nothing."""

import threading
from typing import Any

from ministack.core.responses import get_account_id, get_region

from cdk_rehearsal.emulator.server.resource_types import (
    Attributes,
    Completion,
    Properties,
    ResourceType,
    given,
    schema_of,
    top_level,
)

TYPES = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "nothing scales",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "nothing scales",
    "AWS::Chatbot::MicrosoftTeamsChannelConfiguration": "no message reaches a chat",
    "AWS::Chatbot::SlackChannelConfiguration": "no message reaches a chat",
    "AWS::CodeCommit::Repository": "no git server runs; the rehearsal reads the checkout",
    "AWS::CodeConnections::Connection": "no git host is connected; the rehearsal reads the checkout",
    "AWS::CodePipeline::Webhook": "no push starts the pipeline; the rehearsal does",
    "AWS::CodeStarConnections::Connection": "no git host is connected; the rehearsal reads the checkout",
    "AWS::CodeStarNotifications::NotificationRule": "no notification is sent",
    "AWS::Route53::HealthCheck": "nothing is checked",
    "AWS::Route53::RecordSet": "no name is resolved",
    "AWS::Route53Resolver::FirewallDomainList": "every name is resolved",
    "AWS::Route53Resolver::FirewallRuleGroup": "every name is resolved",
    "AWS::Route53Resolver::FirewallRuleGroupAssociation": "every name is resolved",
    "AWS::WAFv2::LoggingConfiguration": "no request is logged",
}
_kept: dict[tuple[str, str, str, str], Properties] = {}  # account, region, type, physical id
_lock = threading.Lock()


def resource_type(name: str) -> ResourceType:
    """A type that is recorded only; Ref returns the primary identifier that it has on AWS."""
    schema = schema_of(name) or {}
    identifier, attributes = (top_level(schema.get(key)) for key in ("primaryIdentifier", "readOnlyProperties"))

    def create(generated: str, properties: Properties) -> tuple[str, Attributes]:
        own_name = _name(name, properties) or generated
        arn = _arn(name, own_name)
        known = {each: arn if each.endswith("Arn") else own_name for each in attributes} | properties
        physical_id = "|".join(str(known.get(each, own_name)) for each in identifier) or own_name
        keep(name, physical_id, properties)
        return physical_id, {each: known[each] for each in attributes}

    def update(physical_id: str, _old: Properties, new: Properties) -> Attributes:
        keep(name, physical_id, new)
        return {}

    def delete(physical_id: str, _properties: Properties) -> None:
        forget(name, physical_id)

    return ResourceType(create=create, update=update, delete=delete)


def keep(resource_type: str, physical_id: str, properties: Properties) -> None:
    """Record a resource."""
    with _lock:
        _kept[_key(resource_type, physical_id)] = properties


def forget(resource_type: str, physical_id: str) -> None:
    """Delete a record, if there is one: after a rollback there is none."""
    with _lock:
        _kept.pop(_key(resource_type, physical_id), None)


def listing() -> list[dict[str, Any]]:
    """Every record, in order."""
    with _lock:
        return [
            dict(zip(("Account", "Region", "Type", "PhysicalId"), key, strict=True)) | {"Properties": _kept[key]}
            for key in sorted(_kept)
        ]


def _key(resource_type: str, physical_id: str) -> tuple[str, str, str, str]:
    return get_account_id(), get_region(), resource_type, physical_id


def _name(resource_type: str, properties: Properties) -> str:
    """The name in the template, which is the Ref of many types."""
    kind = resource_type.rpartition("::")[2]
    return str(properties.get(f"{kind}Name") or properties.get("Name") or "")


def _arn(resource_type: str, physical_id: str) -> str:
    service, kind = resource_type.split("::")[1:]
    return f"arn:aws:{service.lower()}:{get_region()}:{get_account_id()}:{kind.lower()}/{physical_id}"


DROPPED = {  # properties that ministack ignores
    "AWS::Backup::BackupVault": ("AccessPolicy", "LockConfiguration", "Notifications"),
    "AWS::CodeBuild::Project": ("Cache", "ConcurrentBuildLimit", "LogsConfig", "VpcConfig"),
    "AWS::ECS::Service": (
        "AvailabilityZoneRebalancing", "DeploymentController", "PropagateTags", "ServiceConnectConfiguration",
        "ServiceRegistries", "VpcLatticeConfigurations",
    ),
    "AWS::ECS::TaskDefinition": ("EphemeralStorage", "ProxyConfiguration", "RuntimePlatform"),
    "AWS::ElasticLoadBalancingV2::Listener": ("MutualAuthentication",),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("MinimumLoadBalancerCapacity", "SubnetMappings"),
    "AWS::Lambda::Function": ("CodeSigningConfigArn", "KmsKeyArn", "ReservedConcurrentExecutions"),
    "AWS::Logs::LogGroup": ("DataProtectionPolicy", "DeletionProtectionEnabled"),
    "AWS::RDS::DBCluster": (
        "BacktrackWindow", "DBClusterParameterGroupName", "DatabaseInsightsMode", "EnableCloudwatchLogsExports",
        "EngineLifecycleSupport", "MonitoringInterval", "PerformanceInsightsEnabled", "StorageType",
    ),
    "AWS::RDS::DBInstance": (
        "DatabaseInsightsMode", "EnableCloudwatchLogsExports", "PerformanceInsightsRetentionPeriod",
    ),
    "AWS::S3::Bucket": (
        "AccelerateConfiguration", "AccessControl", "AnalyticsConfigurations", "IntelligentTieringConfigurations",
        "InventoryConfigurations", "MetricsConfigurations",
    ),
    "AWS::SNS::Topic": ("ArchivePolicy", "DataProtectionPolicy", "DeliveryStatusLogging"),
    "AWS::WAFv2::WebACL": ("AssociationConfig", "CustomResponseBodies", "DataProtectionConfig"),
}  # fmt: skip


def keeper(resource_type: str) -> Completion:
    """The completion that records the dropped properties of a resource."""

    def apply(physical_id: str, _old: Properties, new: Properties) -> Attributes:
        if used := given(new, *DROPPED[resource_type]):
            keep(resource_type, physical_id, used)
        else:
            forget(resource_type, physical_id)
        return {}

    return Completion(apply=apply, after_delete=lambda physical_id, _properties: forget(resource_type, physical_id))
