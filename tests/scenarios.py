"""The failures that the alarms exist for: what AWS reports in each, and which alarms are on after how many minutes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.cloudwatch import Number, Reported

HOUR = 60
DAY = 24 * HOUR
WEEK = 7 * DAY


def once_a_day(minute: int) -> Number:
    """One job at 18:40 of each day; minute 0 is a midnight."""
    return 1 if minute % DAY == 18 * HOUR + 40 else None


def check_passes(minute: int) -> Number:
    """The daily check of the rotation, at 01:00."""
    return 1 if minute % DAY == HOUR else None


def check_fails(minute: int) -> Number:
    """Lambda repeats a failed check twice."""
    return 1 if minute % DAY in (HOUR, HOUR + 1, HOUR + 3) else None


def twice_a_day(value: float) -> Callable[[int], Number]:
    return lambda minute: value if minute % (12 * HOUR) == 0 else None


def once(value: float) -> Callable[[int], Number]:
    return lambda minute: value if minute == 0 else None


def later(minutes: int, value: float) -> Callable[[int], Number]:
    return lambda minute: value if minute >= minutes else None


HOSTS: dict[str, Reported] = {
    "HealthyHostCount AlternateTargets": None,  # ECS uses one target group at a time
    "HealthyHostCount": 2,
    "UnHealthyHostCount AlternateTargets": None,
    "UnHealthyHostCount": 0,
}
DATABASE: dict[str, Reported] = {
    "CPUUtilization AWS/RDS": 30,
    "DatabaseConnections": 50,
    "FreeableMemory": 4 * 2**30,
    "AuroraReplicaLagMaximum": 20,
    "Deadlocks": 0,
    "FreeLocalStorage": 30 * 2**30,
    "MaximumUsedTransactionIDs": 190_000_000,
}
NORMAL: dict[str, Reported] = {
    **HOSTS,
    **DATABASE,
    "RequestCount": 2000,
    "HTTPCode_Target_5XX_Count": None,
    "HTTPCode_ELB_5XX_Count": None,
    "TargetResponseTime": 0.3,
    "CPUUtilization AWS/ECS": 40,
    "MemoryUtilization": 40,
    "DeploymentCount": 1,
    "RunningTaskCount": 2,
    "DesiredTaskCount": 2,
    "ApproximateNumberOfMessagesVisible DeadLetterQueue": None,
    "ApproximateNumberOfMessagesVisible": 3,
    "ApproximateAgeOfOldestMessage": 2,
    "ReadThrottleEvents": None,
    "WriteThrottleEvents": None,
    "SystemErrors": None,
    "SuccessfulRequestLatency": 100,
    "ReplicationLatency AWS/DynamoDB": 800,
    "ReplicationLatency AWS/S3": 0,
    "OperationsFailedReplication": 0,
    "NumberOfBackupJobsCompleted": once_a_day,
    "NumberOfBackupJobsFailed": None,
    "NumberOfBackupJobsExpired": None,
    "NumberOfBackupJobsAborted": None,
    "NumberOfCopyJobsCompleted": once_a_day,
    "NumberOfCopyJobsFailed": None,
    "ErrorPortAllocation": 0,
    "PacketsDropCount": 0,
    "PacketsInFromSource": 10_000,
    "PacketsInFromDestination": 10_000,
    "Errors": None,
    "Invocations PasswordRotation": check_passes,
    "Invocations DatabaseAccess": None,
    "DaysToExpiry": twice_a_day(100),
}
NOTHING: dict[str, Reported] = dict.fromkeys(NORMAL)
IDLE: dict[str, Reported] = {
    "RequestCount": None,
    "TargetResponseTime": None,
    "ApproximateNumberOfMessagesVisible": None,
    "ApproximateAgeOfOldestMessage": None,
    "SuccessfulRequestLatency": None,
    "ReplicationLatency AWS/DynamoDB": None,
    "PacketsInFromSource": None,
    "PacketsInFromDestination": None,
}
"""What AWS reports when customers sleep."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What AWS reports from minute 0 on, where it differs from an ordinary day, and the alarms that are on then.

    Of all other alarms none is on. Windows of burn rates are parts of their composite alarms and not listed.
    """

    after: Mapping[str, Reported]
    on: Mapping[str, int] = field(default_factory=dict)  # the minute in which each alarm is first on
    before: Mapping[str, Reported] = field(default_factory=lambda: NORMAL)
    minutes: int = 5 * HOUR


SCENARIOS: Mapping[str, Scenario] = {
    "an ordinary week": Scenario(after={}, minutes=WEEK),
    "a quiet night without traffic": Scenario(after=IDLE, minutes=8 * HOUR),
    "one failed request at night": Scenario(
        after=IDLE | {"RequestCount": once(1), "HTTPCode_Target_5XX_Count": once(1), "TargetResponseTime": once(9)}
    ),
    "all of three requests a minute fail": Scenario(
        on={
            "burn-rate-fast": 60,
            "burn-rate-slow": 60,
            "deployment": 2,
            "gate-errors": 2,
            "health": 2,
            "service-error-rate": 2,
        },
        after={"RequestCount": 3, "HTTPCode_Target_5XX_Count": 3, "TargetResponseTime": 0.1},
        before=NORMAL | IDLE,
    ),
    "the first deployment": Scenario(
        on={
            "backup-copy-missing": 0,
            "backup-copy-missing-sessions": 0,
            "backup-missing": 0,
            "backup-missing-sessions": 0,
            "gate": 0,
            "health": 0,
            "rotation-overdue": 0,
            "service-healthy-hosts": 0,
        },
        # The database is created first, and the certificate exists. Tasks become healthy after ten minutes.
        before=NOTHING | DATABASE | {"DaysToExpiry": twice_a_day(100)},
        after=NORMAL | {"HealthyHostCount AlternateTargets": None, "HealthyHostCount": later(10, 2)},
        minutes=DAY,
    ),
    "total outage with no registered target": Scenario(
        on={
            "burn-rate-fast": 0,
            "burn-rate-slow": 60,
            "deployment": 2,
            "gate": 2,
            "gate-errors": 2,
            "health": 0,
            "service-error-rate": 2,
            "service-healthy-hosts": 2,
        },
        after=dict.fromkeys(HOSTS) | {"RequestCount": None, "HTTPCode_ELB_5XX_Count": 2000, "TargetResponseTime": None},
        minutes=8 * HOUR,
    ),
    "all hosts gone at night": Scenario(
        on={"gate": 2, "health": 2, "service-healthy-hosts": 2}, after=IDLE | dict.fromkeys(HOSTS)
    ),
    "one healthy host left": Scenario(
        on={"gate": 2, "health": 2, "service-healthy-hosts": 2},
        after={"HealthyHostCount AlternateTargets": None, "HealthyHostCount": 1},
    ),
    "a task fails its health check": Scenario(
        on={"deployment": 2, "gate": 2, "health": 2, "service-unhealthy-hosts": 2},
        after={"UnHealthyHostCount AlternateTargets": None, "UnHealthyHostCount": 1},
    ),
    "1.9 % errors": Scenario(
        on={
            "burn-rate-fast": 60,
            "burn-rate-slow": 120,
            "deployment": 2,
            "gate-errors": 2,
            "health": 2,
            "service-error-rate": 2,
        },
        after={"HTTPCode_Target_5XX_Count": 38},
        minutes=DAY,
    ),
    "1 % errors for a day": Scenario(
        on={"burn-rate-slow": 240, "health": 240}, after={"HTTPCode_Target_5XX_Count": 20}, minutes=DAY
    ),
    "0.5 % errors for a week": Scenario(
        on={"burn-rate-gradual": 3180, "health": 3180}, after={"HTTPCode_Target_5XX_Count": 10}, minutes=WEEK
    ),
    "0.15 % errors for a week": Scenario(
        on={"burn-rate-gradual": 3840, "health": 3840}, after={"HTTPCode_Target_5XX_Count": 3}, minutes=WEEK
    ),
    "responses of three seconds": Scenario(
        on={"deployment": 2, "gate-response-time": 2, "health": 2, "service-response-time": 2},
        after={"TargetResponseTime": 3},
    ),
    "a canary that fails": Scenario(
        on={
            "burn-rate-fast": 60,
            "burn-rate-slow": 120,
            "deployment": 2,
            "deployment-late": 59,
            "gate-errors": 2,
            "health": 2,
            "service-error-rate": 2,
        },
        after={
            "HTTPCode_Target_5XX_Count": 60,
            "DeploymentCount": 2,
            "RunningTaskCount": 3,
            "HealthyHostCount AlternateTargets": 1,
        },
    ),
    "a canary that hangs, in case ECS counts one deployment": Scenario(
        on={"deployment-late": 59, "health": 59}, after={"RunningTaskCount": 3}
    ),
    "busy tasks": Scenario(
        on={"health": 14, "service-cpu": 14, "service-memory": 14},
        after={"CPUUtilization AWS/ECS": 90, "MemoryUtilization": 90},
    ),
    "database silent": Scenario(
        on={"database-instance1-cpu": 24, "database-instance2-cpu": 24, "gate-database": 4, "health": 24},
        after=dict.fromkeys(DATABASE),
    ),
    "database at 100 % CPU": Scenario(
        on={"database-instance1-cpu": 13, "database-instance2-cpu": 13, "gate-database": 2, "health": 13},
        after={"CPUUtilization AWS/RDS": 100},
    ),
    "database without connections and memory": Scenario(
        on={
            "database-instance1-connections": 2,
            "database-instance1-free-memory": 14,
            "database-instance2-connections": 2,
            "database-instance2-free-memory": 14,
            "health": 2,
        },
        after={"DatabaseConnections": 2000, "FreeableMemory": 0.5 * 2**30},
    ),
    "database without local storage": Scenario(
        on={"database-instance1-local-storage": 10, "database-instance2-local-storage": 10, "health": 10},
        after={"FreeLocalStorage": 5 * 2**30},
    ),
    "vacuum that never succeeds": Scenario(
        on={"database-transaction-ids": 0, "health": 0}, after={"MaximumUsedTransactionIDs": 1_100_000_000}
    ),
    "database with deadlocks, and a reader that lags": Scenario(
        on={"database-deadlocks": 10, "database-replica-lag": 4, "health": 4},
        after={"AuroraReplicaLagMaximum": 1500, "Deadlocks": 0.1},
    ),
    "reader gone": Scenario(
        on={"database-instance2-cpu": 24, "health": 24},
        after={f"{name} Reader": None for name in DATABASE} | {"AuroraReplicaLagMaximum": None},
    ),
    "one payment becomes a dead letter": Scenario(
        on={"gate-dead-letters": 0, "health": 0, "processing-dead-letters": 0},
        after={"ApproximateNumberOfMessagesVisible DeadLetterQueue": 1},
    ),
    "one burst of dead letters": Scenario(
        on={"gate-dead-letters": 0, "health": 0, "processing-dead-letters": 0},
        after={"ApproximateNumberOfMessagesVisible DeadLetterQueue": 40},
    ),
    "dead letters of an earlier release": Scenario(
        on={"processing-dead-letters": 0, "health": 0},
        before=NORMAL | {"ApproximateNumberOfMessagesVisible DeadLetterQueue": 40},
        after={"ApproximateNumberOfMessagesVisible DeadLetterQueue": 40},
    ),
    "processing stops": Scenario(
        on={"health": 2, "processing-age": 2, "processing-depth": 4},
        after={
            "ApproximateNumberOfMessagesVisible DeadLetterQueue": None,
            "ApproximateNumberOfMessagesVisible": 1500,
            "ApproximateAgeOfOldestMessage": 1500,
        },
    ),
    "sessions throttled": Scenario(
        on={"health": 1, "sessions-throttled": 1, "sessions-throttled (us-west-2)": 1}, after={"WriteThrottleEvents": 1}
    ),
    "sessions fail": Scenario(
        on={"health": 1, "sessions-errors": 1, "sessions-errors (us-west-2)": 1}, after={"SystemErrors Query": 1}
    ),
    "sessions replicated late": Scenario(
        on={"health": 7, "sessions-replication": 7, "sessions-replication (us-west-2)": 7},
        after={"ReplicationLatency AWS/DynamoDB": 8000},
    ),
    "replication of sessions stops": Scenario(
        on={"health": 9, "sessions-replication": 9}, after={"ReplicationLatency AWS/DynamoDB": None}
    ),
    "replication silent": Scenario(
        on={"access-logs-replication-late (us-west-2)": 24, "audit-replication-late (us-west-2)": 24},
        after={"ReplicationLatency AWS/S3": None},
    ),
    "replication 20 minutes late": Scenario(
        on={"access-logs-replication-late (us-west-2)": 10, "audit-replication-late (us-west-2)": 10},
        after={"ReplicationLatency AWS/S3": 1200},
    ),
    "replication of an object fails": Scenario(
        on={"access-logs-replication-failed": 0, "audit-replication-failed": 0, "health": 0},
        after={"OperationsFailedReplication": once(1)},
    ),
    "backup of one store missing": Scenario(
        on={"backup-copy-missing-sessions": 1380, "backup-missing-sessions": 1380, "health": 1380},
        after={"NumberOfBackupJobsCompleted DynamoDB": None, "NumberOfCopyJobsCompleted DynamoDB": None},
        minutes=2 * DAY,
    ),
    "backup of the other store missing": Scenario(
        on={"backup-copy-missing": 1380, "backup-missing": 1380, "health": 1380},
        after={"NumberOfBackupJobsCompleted Aurora": None, "NumberOfCopyJobsCompleted Aurora": None},
        minutes=2 * DAY,
    ),
    "a copy that never starts": Scenario(
        on={"backup-copy-missing": 1380, "backup-copy-missing-sessions": 1380, "health": 1380},
        after={"NumberOfCopyJobsCompleted": None},
        minutes=2 * DAY,
    ),
    "no backup completes, in case AWS reports a zero": Scenario(
        on={
            "backup-copy-missing": 1380,
            "backup-copy-missing-sessions": 1380,
            "backup-missing": 1380,
            "backup-missing-sessions": 1380,
            "health": 1380,
        },
        after={"NumberOfBackupJobsCompleted": 0, "NumberOfCopyJobsCompleted": 0},
        minutes=2 * DAY,
    ),
    "a backup that does not start in time": Scenario(
        on={"backup-failed": 0, "health": 0}, after={"NumberOfBackupJobsExpired Aurora": once(1)}
    ),
    "a backup that fails": Scenario(
        on={"backup-failed": 0, "health": 0}, after={"NumberOfBackupJobsFailed Aurora": once(1)}
    ),
    "a copy that fails": Scenario(
        on={"backup-copy-failed": 0, "backup-copy-failed (us-west-2)": 0, "health": 0},
        after={"NumberOfCopyJobsFailed Aurora": once(1)},
    ),
    "a NAT gateway without ports": Scenario(
        on={
            "health": 2,
            "nat-ap-southeast-1a-ports": 2,
            "nat-ap-southeast-1b-ports": 2,
            "nat-ap-southeast-1c-ports": 2,
        },
        after={"ErrorPortAllocation": 1},
    ),
    "a NAT gateway that drops packets": Scenario(
        on={
            "health": 2,
            "nat-ap-southeast-1a-drops": 2,
            "nat-ap-southeast-1b-drops": 2,
            "nat-ap-southeast-1c-drops": 2,
        },
        after={"PacketsDropCount": 3},
    ),
    "certificate about to expire": Scenario(
        on={"certificate-expiry": 0, "health": 0}, after={"DaysToExpiry": twice_a_day(20)}, minutes=WEEK
    ),
    "certificate expired": Scenario(
        on={"certificate-expiry": 60 * HOUR, "health": 60 * HOUR}, after={"DaysToExpiry": None}, minutes=WEEK
    ),
    "a rotation that fails": Scenario(
        on={"health": 0, "rotation-failed": 0}, after={"Errors PasswordRotation": once(1)}
    ),
    "rotation that does not happen": Scenario(
        on={"health": 60, "rotation-failed": 60, "rotation-overdue": 180},
        after={"Invocations PasswordRotation": check_fails, "Errors PasswordRotation": check_fails},
        minutes=DAY,
    ),
    "no check of the rotation runs": Scenario(
        on={"health": 180, "rotation-overdue": 180}, after={"Invocations PasswordRotation": None}, minutes=DAY
    ),
    "a person asks the database": Scenario(
        on={"database-access": 0, "health": 0}, after={"Invocations DatabaseAccess": once(1)}
    ),
}
