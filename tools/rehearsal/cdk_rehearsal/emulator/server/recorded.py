"""The emulator's account of itself, for the closing report of a rehearsal: no type is claimed to be more than it is."""

import threading
from functools import partial
from typing import Any

from ministack.core.responses import get_account_id, get_region

from cdk_rehearsal.emulator.server.bridge import (
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
    "AWS::CodeBuild::ReportGroup": "no test report is stored",
    "AWS::CodeCommit::Repository": "no git server; the rehearsal reads this checkout",
    "AWS::CodeConnections::Connection": "no connection to a git host; the rehearsal reads this checkout",
    "AWS::CodeStarConnections::Connection": "no connection to a git host; the rehearsal reads this checkout",
    "AWS::CodeStarNotifications::NotificationRule": "no notification is sent",
    "AWS::Backup::Framework": "no audit runs",
    "AWS::Chatbot::SlackChannelConfiguration": "no message is sent",
    "AWS::CloudWatch::AnomalyDetector": "no model is trained",
    "AWS::CloudWatch::InsightRule": "no contributor is ranked",
    "AWS::Config::ConfigRule": "no configuration is evaluated",
    "AWS::EC2::SubnetNetworkAclAssociation": "the emulator associates no list with a subnet",
    "AWS::GuardDuty::Detector": "no threat is looked for",
    "AWS::Logs::QueryDefinition": "no query is run",
    "AWS::RDS::EventSubscription": "no event is sent",
    "AWS::ResourceGroups::Group": "no group is kept",
    "AWS::Synthetics::Canary": "no canary runs",
    "AWS::WAFv2::LoggingConfiguration": "no request is logged",
}
_kept: dict[tuple[str, str, str, str], Properties] = {}  # account, region, type, physical id
_lock = threading.Lock()


def resource_type(name: str) -> ResourceType:
    """A type that is only kept in the book; Ref gives the primary identifier that it has on AWS."""
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
    """Write a resource down."""
    with _lock:
        _kept[_key(resource_type, physical_id)] = properties


def forget(resource_type: str, physical_id: str) -> None:
    """Strike a resource out; one that was never there is no error, as after a rollback."""
    with _lock:
        _kept.pop(_key(resource_type, physical_id), None)


def listing() -> list[dict[str, Any]]:
    """Everything that stands in the book."""
    with _lock:
        return [
            {
                "Account": account,
                "Region": region,
                "Type": kind,
                "PhysicalId": physical_id,
                "Properties": properties,
            }
            for (account, region, kind, physical_id), properties in sorted(_kept.items(), key=lambda item: item[0])
        ]


def _key(resource_type: str, physical_id: str) -> tuple[str, str, str, str]:
    return get_account_id(), get_region(), resource_type, physical_id


def _name(resource_type: str, properties: Properties) -> str:
    """The name in the template, for the types whose Ref is their name."""
    kind = resource_type.rpartition("::")[2]
    return str(properties.get(f"{kind}Name") or properties.get("Name") or "")


def _arn(resource_type: str, physical_id: str) -> str:
    service, kind = resource_type.split("::")[1:]
    return f"arn:aws:{service.lower()}:{get_region()}:{get_account_id()}:{kind.lower()}/{physical_id}"


DROPPED = {
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
        "AccessControl", "AnalyticsConfigurations", "IntelligentTieringConfigurations", "InventoryConfigurations",
        "MetricsConfigurations",
    ),
    "AWS::SNS::Topic": ("ArchivePolicy", "DataProtectionPolicy", "DeliveryStatusLogging"),
    "AWS::WAFv2::WebACL": ("AssociationConfig", "CustomResponseBodies", "DataProtectionConfig"),
}  # fmt: skip


def keeper(resource_type: str) -> Completion:
    """Writes down the dropped parts that a resource uses."""
    apply = partial(_keep, resource_type)
    return Completion(apply=apply, after_delete=partial(_forget, resource_type))


def _keep(resource_type: str, physical_id: str, _old: Properties, new: Properties) -> Attributes:
    if used := given(new, *DROPPED[resource_type]):
        keep(resource_type, physical_id, used)
    else:
        forget(resource_type, physical_id)
    return {}


def _forget(resource_type: str, physical_id: str, _properties: Properties) -> None:
    forget(resource_type, physical_id)
