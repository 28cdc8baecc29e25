"""What the manifest of an environment says: where everything is, in both regions, and how it is set."""

from typing import Any

from payment_constructs.network import Network
from stages.data_layer import DataLayer
from stages.disaster_recovery_stack import DisasterRecoveryStack
from stages.environment import Environment
from stages.names import bucket_name, resource_name
from stages.service_layer import ServiceLayer


def inventory(
    *,
    environment: Environment,
    release: str,
    network: Network,
    data: DataLayer,
    service: ServiceLayer,
    recovery: DisasterRecoveryStack,
) -> dict[str, Any]:
    """The document (PCI DSS 12.5.1): plain values, and tokens for what only the deployment knows."""
    return {
        "environment": environment.name,
        "release": release,
        "configuration": environment.as_document(),
        environment.primary_region: {
            "vpc": network.vpc.vpc_id,
            "load_balancer": service.load_balancer.balancer.load_balancer_dns_name,
            "service": service.payment.service.service_arn,
            "database": data.database.cluster.cluster_endpoint.hostname,
            "database_key": data.database.key.key_arn,
            "database_user": data.database_user.secret.secret_arn,
            "session_table": data.sessions.table.table_arn,
            "session_key": data.sessions.key.key_arn,
            "queue": data.processing.queue.queue_url,
            "dead_letter_queue": data.processing.dead_letter_queue.queue_url,
            "queue_key": data.processing.key.key_arn,
            "audit_bucket": data.audit_log.bucket.bucket_name,
            "audit_key": data.audit_log.key.key_arn,
            "access_log_bucket": data.access_logs.bucket_name,
            "backup_vault": data.vault.backup_vault_name,
        },
        environment.dr_region: {
            "session_table": resource_name("sessions", environment),
            "session_key": recovery.session_key.key_arn,
            "audit_bucket": bucket_name("audit", environment, environment.dr_region),
            "audit_key": recovery.audit_key.key_arn,
            "database_user": resource_name("database-user", environment),
            "database_user_key": recovery.secret_key.key_arn,
            "backup_vault": resource_name("dr", environment),
        },
    }
