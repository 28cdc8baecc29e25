"""What the manifest of the DR region says: what stands there, and what the primary region had under which name."""

from typing import Any

from payment_constructs.encryption_key import EncryptionKey
from stages.environment import Environment
from stages.names import bucket_name, resource_name


def recovery_inventory(
    *, environment: Environment, session_key: EncryptionKey, audit_key: EncryptionKey, secret_key: EncryptionKey
) -> dict[str, Any]:
    """The document, read while the primary region does not answer: of that, only names that are known beforehand.

    It names no release: that is the stack's tag ``Release`` (docs/decisions/0003), and a commit changes nothing here.
    """
    primary, recovery = environment.primary_region, environment.dr_region
    return {
        "environment": environment.name,
        "configuration": environment.as_document(),
        primary: {
            "service": resource_name("service", environment),
            "database": resource_name("database", environment),
            "session_table": resource_name("sessions", environment),
            "queue": resource_name("processing", environment),
            "audit_bucket": bucket_name("audit", environment, primary),
            "backup_vault": resource_name("backup", environment),
        },
        recovery: {
            "session_table": resource_name("sessions", environment),
            "session_key": session_key.key_arn,
            "session_policy": resource_name("recovery", environment),
            "audit_bucket": bucket_name("audit", environment, recovery),
            "audit_key": audit_key.key_arn,
            "access_log_bucket": bucket_name("access-logs", environment, recovery),
            "database_user": resource_name("database-user", environment),
            "database_user_key": secret_key.key_arn,
            "backup_vault": resource_name("dr", environment),
            "dashboard": resource_name("recovery", environment),
        },
    }
