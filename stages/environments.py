"""The environments in delivery order, with every figure that differs between them.

A new environment is a function here, an entry in DELIVERY_ORDER, and its account in cdk.json.

``monthly_budget_usd`` is the estimate of November 2026 in decision 0009 (681, 973 and 1,009 USD for a month of 730
hours) plus 20 %. Change it here when the bill or a cost setting changes.
"""

from collections.abc import Callable, Mapping

from stages.environment import AlarmThresholds, DataProtection, DeploymentWindow, Environment

PRIMARY_REGION = "ap-southeast-1"
DR_REGION = "us-west-2"
AVAILABILITY_ZONES = ("ap-southeast-1a", "ap-southeast-1b", "ap-southeast-1c")


def dev(*, account: str, certificate_arn: str, alarm_email: str, image: str) -> Environment:
    """Receives every change first; the same architecture on smaller instances."""
    return Environment(
        name="Dev",
        account=account,
        primary_region=PRIMARY_REGION,
        dr_region=DR_REGION,
        availability_zones=AVAILABILITY_ZONES,
        vpc_cidr="10.0.0.0/16",
        dr_vpc_cidr="10.128.0.0/16",
        database_instance_class="db.t4g.medium",
        min_tasks=1,
        max_tasks=5,
        alarms=AlarmThresholds(
            cpu_percent=80, memory_percent=80, response_time_ms=5000, error_rate_percent=10, availability_percent=99
        ),
        certificate_arn=certificate_arn,
        alarm_email=alarm_email,
        image=image,
        monthly_budget_usd=820,
    )


def staging(*, account: str, certificate_arn: str, alarm_email: str, image: str) -> Environment:
    """The last test before production, on production's instance class."""
    return Environment(
        name="Staging",
        account=account,
        primary_region=PRIMARY_REGION,
        dr_region=DR_REGION,
        availability_zones=AVAILABILITY_ZONES,
        vpc_cidr="10.1.0.0/16",
        dr_vpc_cidr="10.129.0.0/16",
        database_instance_class="db.r6g.large",
        min_tasks=1,
        max_tasks=5,
        alarms=AlarmThresholds(
            cpu_percent=75, memory_percent=75, response_time_ms=3000, error_rate_percent=5, availability_percent=99.5
        ),
        certificate_arn=certificate_arn,
        alarm_email=alarm_email,
        image=image,
        monthly_budget_usd=1170,
        bake_minutes=15,  # three times the period of the gate alarm
        peers_with="Dev",
    )


def prod(*, account: str, certificate_arn: str, alarm_email: str, image: str) -> Environment:
    """Production: the only environment whose data is retained."""
    return Environment(
        name="Prod",
        account=account,
        primary_region=PRIMARY_REGION,
        dr_region=DR_REGION,
        availability_zones=AVAILABILITY_ZONES,
        vpc_cidr="10.2.0.0/16",
        dr_vpc_cidr="10.130.0.0/16",
        database_instance_class="db.r6g.large",
        min_tasks=2,
        max_tasks=10,
        alarms=AlarmThresholds(
            cpu_percent=70, memory_percent=70, response_time_ms=2000, error_rate_percent=1, availability_percent=99.9
        ),
        data_protection=DataProtection.RETAINED,
        certificate_arn=certificate_arn,
        alarm_email=alarm_email,
        image=image,
        monthly_budget_usd=1220,
        canary_percent=10,
        bake_minutes=60,
        deployment_window=DeploymentWindow(days="MON-THU", first_hour=9, last_hour=16, time_zone="Asia/Singapore"),
        peers_with="Staging",
    )


DELIVERY_ORDER: Mapping[str, Callable[..., Environment]] = {"Dev": dev, "Staging": staging, "Prod": prod}
