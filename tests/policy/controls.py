"""Requirements of PCI DSS 4.0.1 that templates can help to meet, and the controls besides the rules of this project."""

from dataclasses import dataclass

REQUIREMENTS = {
    "1.2.5": "Allowed services, protocols and ports are identified and needed",
    "1.2.8": "Network configuration is protected against unauthorized changes",
    "1.3.1": "Inbound traffic to the cardholder data environment is limited to what is needed",
    "1.3.2": "Outbound traffic from the cardholder data environment is limited to what is needed",
    "1.4.2": "Traffic from untrusted networks reaches only public components",
    "1.4.4": "Stored cardholder data is not accessible from untrusted networks",
    "2.2.4": "Only necessary functions are enabled",
    "2.2.6": "Security parameters are set to prevent misuse",
    "2.2.7": "Administrative access over the network is encrypted",
    "3.5.1": "Stored account data is unreadable",
    "3.6.1": "Keys are protected against disclosure and misuse",
    "3.7.4": "Keys are changed at the end of their cryptoperiod",
    "4.2.1": "Strong cryptography protects account data in transit",
    "4.2.2": "Account data in messages between people is encrypted",
    "6.3.1": "Vulnerabilities are identified and ranked",
    "6.3.2": "The software components are inventoried",
    "6.3.3": "Known vulnerabilities are patched",
    "6.4.2": "An automated technical solution protects public web applications",
    "6.5.1": "Changes to production follow a procedure",
    "6.5.2": "The requirements are confirmed after a significant change",
    "6.5.3": "Pre-production environments are separate from production",
    "6.5.4": "Duties are separated, so that only approved changes are deployed",
    "7.2.1": "Access follows the need to know, with the least privilege",
    "7.2.5": "System accounts have the least privilege",
    "8.6.2": "Code and configuration contain no passwords",
    "10.2.1": "Audit logs are enabled for all components",
    "10.3.2": "Audit logs are protected against changes",
    "10.3.3": "Audit logs are backed up promptly",
    "10.5.1": "Audit logs are kept for twelve months",
    "10.7.2": "Failures of security controls are detected and reported promptly",
    "11.5.2": "Changes to critical files are detected",
    "12.5.1": "The components in scope are inventoried",
}
"""The requirements in our own words: https://www.pcisecuritystandards.org/document_library/ has the text."""

IN_PART = {
    "3.5.1": "encryption of the store alone is not sufficient for card numbers (3.5.1.2)",
    "4.2.2": "the platform's notifications contain no account data; mail and chat of people are not checked",
    "6.3.1": "the scans themselves, and that Inspector repeats them, are in the landing zone",
    "6.3.2": "the packages in the image are inventoried by its own pipeline",
    "6.3.3": "the image is patched by its own pipeline, and no test checks the time that a patch takes",
    "6.5.2": "`Verify` compares a deployment with its settings; people confirm that every requirement is met",
    "6.5.4": "the policies bind only the roles that carry them ([Duties](operations.md#duties))",
    "7.2.1": "the policy for people's roles binds only those that carry it ([Duties](operations.md#duties))",
    "10.2.1": "`pgaudit` logs every statement of people, and of the service changes of schema and roles; who invoked "
    "their function, and access to sessions and audit log, is in CloudTrail's data events, in the landing zone",
    "10.7.2": "the landing zone's own controls are not watched, but for a trail that stops",
    "11.5.2": "files of a task cannot change, and its image is named by digest; no tool compares files",
}
"""What is missing for a requirement that is met only in part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control for a requirement, with the pack rules and the tests that enforce it."""

    requirement: str
    implementation: str  # the resource and its properties
    packs: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()  # as file::function, below tests/


CONTROLS: tuple[Control, ...] = (
    Control(
        requirement="1.2.8",
        implementation="The whole configuration is in templates, which only the pipeline deploys",
        tests=("unit/test_pipeline.py::test_a_push_to_main_starts_the_pipeline",),
    ),
    Control(
        requirement="1.3.1",
        implementation="Default security group: no rules; security groups: no SSH, no common ports",
        packs=("PCI.DSS.321-VPCDefaultSecurityGroupClosed", "PCI.DSS.321-EC2RestrictedSSH", "AwsSolutions-EC23"),
        tests=("unit/test_network.py::test_the_default_security_group_is_closed",),
    ),
    Control(
        requirement="1.3.2",
        implementation="VPC endpoints: traffic to AWS services does not use the internet",
        tests=("unit/test_network.py::test_aws_services_are_reached_without_the_internet",),
    ),
    Control(
        requirement="1.3.2",
        implementation="DNS Firewall: only listed names resolve, where `allowed_domains` is set; by default every name",
        tests=("unit/test_firewalls.py::test_only_the_listed_names_and_those_of_aws_are_resolved",),
    ),
    Control(
        requirement="1.4.2",
        implementation="Subnets: no public addresses on launch",
        packs=("PCI.DSS.321-VPCSubnetAutoAssignPublicIpDisabled",),
        tests=("unit/test_network.py::test_no_subnet_assigns_public_addresses",),
    ),
    Control(
        requirement="1.4.4",
        implementation="Aurora in isolated subnets, PubliclyAccessible false; buckets without public access",
        packs=("PCI.DSS.321-RDSInstancePublicAccess", "PCI.DSS.321-S3BucketLevelPublicAccessProhibited"),
        tests=(
            "unit/test_network.py::test_the_database_tier_has_no_route_out",
            "unit/test_storage.py::test_no_bucket_is_public",
        ),
    ),
    Control(
        requirement="1.4.4",
        implementation="Peering: the only route of the database subnets leads to one peered network",
        tests=("unit/test_peering.py::test_return_routes_are_only_in_the_earlier_database_subnets",),
    ),
    Control(
        requirement="2.2.6",
        implementation="Container: non-root user, read-only root file system, configuration in secrets",
        packs=("AwsSolutions-ECS2",),
        tests=(
            "unit/test_service.py::test_the_container_runs_as_non_root_on_a_read_only_file_system",
            "unit/test_service.py::test_the_container_receives_its_configuration_as_secrets",
        ),
    ),
    Control(
        requirement="2.2.7",
        implementation="Function for people: TLS with the authorities of RDS, to the database alone",
        tests=("unit/test_database.py::test_the_function_of_people_reaches_the_database_alone",),
    ),
    Control(
        requirement="3.5.1",
        implementation="Aurora, DynamoDB, SQS, S3, log groups: a customer-managed KMS key",
        packs=(
            "PCI.DSS.321-RDSStorageEncrypted",
            "PCI.DSS.321-S3DefaultEncryptionKMS",
            "PCI.DSS.321-CloudWatchLogGroupEncrypted",
        ),
    ),
    Control(
        requirement="3.6.1",
        implementation="KMS keys: one per purpose, region and environment; no role may use every key",
        tests=(
            "unit/test_storage.py::test_each_replica_of_the_session_table_has_its_own_key",
            "unit/test_pipeline.py::test_no_pipeline_role_may_use_every_kms_key",
        ),
    ),
    Control(
        requirement="3.7.4",
        implementation="KMS keys: EnableKeyRotation",
        packs=("PCI.DSS.321-KMSBackingKeyRotationEnabled",),
        tests=("unit/test_storage.py::test_every_key_rotates_each_year",),
    ),
    Control(
        requirement="4.2.1",
        implementation="Bucket and queue policies: deny plain HTTP",
        packs=("PCI.DSS.321-S3BucketSSLRequestsOnly", "AwsSolutions-SQS4"),
        tests=("unit/test_storage.py::test_queues_and_buckets_refuse_plain_http",),
    ),
    Control(
        requirement="4.2.2",
        implementation="Notifications: names, states and metrics only; a chat may read nothing but metrics",
        tests=("unit/test_alarm_targets.py::test_a_chat_may_only_read_metrics",),
    ),
    Control(
        requirement="6.3.1",
        implementation="Every build: audit of both lock files, scan of the image; watcher: notices of new findings",
        tests=(
            "unit/test_checks.py::test_the_audit_fails_and_names_a_vulnerable_package",
            "unit/test_findings.py::test_a_critical_finding_is_refused_with_image_package_and_remedy",
            "unit/test_findings.py::test_the_check_runs_right_behind_synth_in_a_role_that_reads_scans_only",
            "unit/test_watcher.py::test_a_critical_finding_is_published_with_the_image_and_its_runbook",
            "unit/test_release.py::test_an_image_that_is_not_scanned_or_vulnerable_is_refused",
        ),
    ),
    Control(
        requirement="6.3.2",
        implementation="Build: a bill of materials of both lock files, published as an artifact",
        tests=(
            "unit/test_checks.py::test_the_build_publishes_the_sbom_as_an_artifact",
            "unit/test_checks.py::test_the_sbom_is_valid_reproducible_and_complete",
        ),
    ),
    Control(
        requirement="6.3.3",
        implementation="Dependabot for both lock files; Aurora: minor versions, automatically; image: findings allowed "
        "for 90 days at most",
        packs=("PCI.DSS.321-RDSAutomaticMinorVersionUpgradeEnabled",),
        tests=(
            "unit/test_repository_files.py::test_dependabot_covers_every_lock_file_and_the_workflows",
            "unit/test_findings.py::test_an_expired_allowance_is_refused_with_its_day",
        ),
    ),
    Control(
        requirement="6.4.2",
        implementation="Load balancers: a web ACL with request logs",
        packs=("PCI.DSS.321-ALBWAFEnabled", "PCI.DSS.321-WAFv2LoggingEnabled"),
        tests=("unit/test_service.py::test_the_firewall_blocks_requests_and_logs_them",),
    ),
    Control(
        requirement="6.5.1",
        implementation="Pipeline: a manual approval before every production action",
        tests=("unit/test_pipeline.py::test_no_prod_action_runs_before_the_approval",),
    ),
    Control(
        requirement="6.5.3",
        implementation="Environments: networks that do not overlap",
        tests=("unit/test_consistency.py::test_overlapping_networks_are_refused_in_both_regions",),
    ),
    Control(
        requirement="6.5.4",
        implementation="Approvers only approve; only break-glass overrides; two teams own the pipeline's files",
        tests=(
            "unit/test_delivery_monitoring.py::test_the_approver_policy_only_allows_approving_and_reading_plans",
            "policy/test_attacks.py::test_the_attack_is_denied",
            "unit/test_codeowners.py::test_two_teams_own_every_file",
        ),
    ),
    Control(
        requirement="7.2.1",
        implementation="Database: people read by default, in the break-glass role only, through one function",
        tests=(
            "policy/test_attacks.py::test_the_attack_is_denied",
            "unit/test_database_access_handler.py::test_a_change_is_refused_without_the_switch",
        ),
    ),
    Control(
        requirement="7.2.5",
        implementation="Roles: named actions on named resources, in customer-managed policies",
        packs=(
            "AwsSolutions-IAM4",
            "AwsSolutions-IAM5",
            "PCI.DSS.321-IAMNoInlinePolicy",
            "PCI.DSS.321-IAMPolicyNoStatementsWithAdminAccess",
        ),
        tests=(
            "unit/test_pipeline.py::test_no_pipeline_role_has_administrator_access",
            "unit/test_service.py::test_the_task_role_allows_only_the_listed_actions",
        ),
    ),
    Control(
        requirement="8.6.2",
        implementation="Build projects: no credentials in variables; secrets: a customer-managed KMS key",
        packs=("PCI.DSS.321-CodeBuildProjectEnvVarAwsCred", "PCI.DSS.321-SecretsManagerUsingKMSKey"),
        tests=(
            "unit/test_database.py::test_rds_manages_the_master_password",
            "unit/test_database.py::test_the_database_user_of_the_service_rotates_every_30_days",
        ),
    ),
    Control(
        requirement="10.2.1",
        implementation="Flow logs, PostgreSQL logs, bucket access logs, build logs",
        packs=(
            "PCI.DSS.321-VPCFlowLogsEnabled",
            "PCI.DSS.321-RDSLoggingEnabled",
            "PCI.DSS.321-S3BucketLoggingEnabled",
        ),
        tests=(
            "unit/test_network.py::test_all_flows_are_logged_encrypted_and_kept_for_400_days",
            "unit/test_storage.py::test_access_to_the_audit_log_is_logged_in_an_unlocked_bucket",
        ),
    ),
    Control(
        requirement="10.2.1",
        implementation="Database users of people: `pgaudit.log` is `all`; their function logs each request and outcome",
        tests=(
            "unit/test_database_access_handler.py::test_pgaudit_logs_every_statement_of_people_before_they_can_log_in",
            "unit/test_database_access_handler.py::test_each_request_is_recorded_before_it_runs_and_no_data_ever",
        ),
    ),
    Control(
        requirement="10.3.2",
        implementation="Audit buckets: versioning, and Object Lock on both sides of the replication",
        packs=("PCI.DSS.321-S3BucketVersioningEnabled",),
        tests=("unit/test_storage.py::test_the_audit_buckets_of_both_regions_have_object_lock",),
    ),
    Control(
        requirement="10.3.3",
        implementation="Audit bucket: replication to the DR region within 15 minutes, with metrics",
        packs=("PCI.DSS.321-S3BucketReplicationEnabled",),
        tests=(
            "unit/test_storage.py::test_audit_replication_targets_the_dr_bucket_and_its_key",
            "unit/test_storage.py::test_audit_replication_covers_all_objects_within_15_minutes",
        ),
    ),
    Control(
        requirement="10.5.1",
        implementation="Audit bucket: no expiration; log groups: RetentionInDays",
        packs=("PCI.DSS.321-CloudWatchLogGroupRetentionPeriod",),
        tests=("unit/test_storage.py::test_the_audit_log_never_expires_and_moves_to_intelligent_tiering",),
    ),
    Control(
        requirement="10.7.2",
        implementation="EventBridge rules of both regions: calls that change the protection of stored data, network "
        "controls, logs, or what notifies; the latter also in the account's watcher",
        tests=(
            "unit/test_notifications.py::test_a_security_control_that_is_switched_off_notifies",
            "unit/test_notifications.py::test_both_regions_watch_the_same_calls",
            "unit/test_watcher.py::test_a_call_that_leads_past_a_gate_notifies",
        ),
    ),
    Control(
        requirement="10.7.2",
        implementation="Alarms: rotations, replication, backups and metrics that stop",
        tests=("unit/test_alarm_scenarios.py::test_these_alarms_and_no_others_are_on",),
    ),
    Control(
        requirement="12.5.1",
        implementation="SSM parameter /payment/{environment}/manifest",
        tests=("unit/test_inventory.py::test_the_manifest_lists_deployed_resources_and_their_settings",),
    ),
)
