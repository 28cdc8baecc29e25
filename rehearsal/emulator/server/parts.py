"""The parts that the emulator drops of types that it carries out otherwise, and that nothing here can apply.

A delivery that relies on one of these is rehearsed without it, so each use is written down and reported. The table
holds what a payment platform could ask for; it was found by comparing the emulator's handlers with CloudFormation's
resource schemas.
"""

from functools import partial

from rehearsal.emulator.server import recorded
from rehearsal.emulator.server.bridge import Attributes, Completion, Properties, given

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
        recorded.keep(resource_type, physical_id, used)
    else:
        recorded.forget(resource_type, physical_id)
    return {}


def _forget(resource_type: str, physical_id: str, _properties: Properties) -> None:
    recorded.forget(resource_type, physical_id)
