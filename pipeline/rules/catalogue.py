"""Every rule of our own, in the order of the requirements."""

from pipeline.rules.approvals import APPROVED_FIRST, RELEASES_QUEUED
from pipeline.rules.audit_buckets import AUDIT_LOG_LOCKED
from pipeline.rules.containers import CONTAINER_CONFINED, IMAGE_BY_DIGEST
from pipeline.rules.database_connections import DATABASE_TLS
from pipeline.rules.deployment_guards import CHANGES_GUARDED, DEPLOYMENTS_VERIFIED
from pipeline.rules.encryption_keys import KEY_ROTATION
from pipeline.rules.firewalls import FIREWALL_ASSOCIATED, FIREWALL_BLOCKS
from pipeline.rules.isolated_subnets import NO_ROUTE_OUT
from pipeline.rules.listeners import TLS_LISTENERS
from pipeline.rules.log_groups import LOG_RETENTION
from pipeline.rules.rule import Rule
from pipeline.rules.security_groups import EGRESS_NAMED, INGRESS_NAMED
from pipeline.rules.separation import ENVIRONMENTS_APART
from pipeline.rules.stage_conditions import STAGES_CONDITIONED
from pipeline.rules.stateful_resources import DATA_RETAINED

RULES: tuple[Rule, ...] = (
    INGRESS_NAMED,
    EGRESS_NAMED,
    NO_ROUTE_OUT,
    CONTAINER_CONFINED,
    KEY_ROTATION,
    TLS_LISTENERS,
    DATABASE_TLS,
    IMAGE_BY_DIGEST,
    FIREWALL_ASSOCIATED,
    FIREWALL_BLOCKS,
    RELEASES_QUEUED,
    APPROVED_FIRST,
    CHANGES_GUARDED,
    DEPLOYMENTS_VERIFIED,
    STAGES_CONDITIONED,
    ENVIRONMENTS_APART,
    AUDIT_LOG_LOCKED,
    LOG_RETENTION,
    DATA_RETAINED,
)
