"""Adds this package's resource types, services and pages to ministack. No other module uses ministack's private names.

ministack has no public API to add a resource type, an intrinsic function, a service or a page. The private names used
here belong to one pinned version, so `install` checks all of them first: an upgrade that moves one fails at the start
with its name, not during a delivery.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from cdk_rehearsal.emulator.server import (
    backup,
    budgets,
    calls,
    cloudformation,
    cloudwatch,
    codepipeline,
    dynamodb,
    ec2,
    ecr,
    iam,
    outage,
    pages,
    rds,
    rds_actions,
    recorded,
    s3,
    secretsmanager,
    sns,
    wafv2,
)
from cdk_rehearsal.emulator.server.postgresql import Servers
from cdk_rehearsal.emulator.server.resource_types import (
    Completion,
    Handlers,
    ResourceType,
    add_replacing_properties,
)

ADDED: dict[str, ResourceType] = {
    **backup.RESOURCE_TYPES,
    **budgets.RESOURCE_TYPES,
    **cloudwatch.RESOURCE_TYPES,
    **dynamodb.RESOURCE_TYPES,
    **ec2.RESOURCE_TYPES,
    **secretsmanager.RESOURCE_TYPES,
    **wafv2.RESOURCE_TYPES,
}
COMPLETED: dict[str, Completion] = {
    **backup.COMPLETIONS,
    **dynamodb.COMPLETIONS,
    **ec2.COMPLETIONS,
    **iam.COMPLETIONS,
    **s3.COMPLETIONS,
    **sns.COMPLETIONS,
}
CODEPIPELINE = {"target_prefixes": ["CodePipeline_20150709"], "host_patterns": [r"codepipeline\."]}  # its requests


def handlers(*, native: dict[str, Handlers], clusters: rds.Clusters, databases: Servers) -> dict[str, Handlers]:
    """The handlers of all these types; a type that ministack has too is completed, or replaced on purpose."""
    completed = COMPLETED | rds.completions(clusters, servers=databases)
    whole = {
        **{name: added.handlers() for name, added in ADDED.items()},
        **{name: completion.handlers(native[name]) for name, completion in completed.items()},
        **{name: recorded.resource_type(name).handlers() for name in recorded.TYPES},
        **cloudwatch.alarm_handlers(native=native),
        **secretsmanager.secret_handlers(native=native),
        **codepipeline.RESOURCE_TYPES,
    }
    return whole | {name: recorded.keeper(name).handlers(whole.get(name) or native[name]) for name in recorded.DROPPED}


WRITTEN_FOR = "1.5.33"
_CLOUDFORMATION = "ministack.services.cloudformation"
_RESOLVERS = ("engine", "stacks", "changesets", "handlers")  # each imports the functions under their own names


class MovedError(Exception):
    """A private name of ministack is missing or has changed."""


def _takes(*parameters: str) -> Callable[[Any], bool]:
    return lambda found: list(inspect.signature(found).parameters) == list(parameters)


def _maps_to(kind: type) -> Callable[[Any], bool]:
    return lambda found: isinstance(found, dict) and all(isinstance(value, kind) for value in found.values())


def _is_scoped(found: Any) -> bool:
    return callable(getattr(found, "get_scoped", None))


_RESOLVE = _takes("value", "resources", "params", "conditions", "mappings", "stack_name", "stack_id")
_REQUEST = ("service", "method", "path", "headers", "body", "query_params")
_FUNCTIONS = ("core.lambda_runtime", "services.lambda_svc")  # the second imports the function under its own name
PRIVATE_NAMES: Mapping[tuple[str, str], Callable[[Any], bool]] = {
    (f"{_CLOUDFORMATION}.provisioners", "_RESOURCE_HANDLERS"): lambda found: (
        isinstance(found, dict) and all(callable(found["AWS::S3::Bucket"][do]) for do in ("create", "delete", "update"))
    ),
    (f"{_CLOUDFORMATION}.provisioners", "_REPLACING_PROPERTIES"): _maps_to(tuple),
    (f"{_CLOUDFORMATION}.provisioners", "_CONDITIONALLY_REPLACING_PROPERTIES"): _maps_to(tuple),
    (f"{_CLOUDFORMATION}.stacks", "_runs_on_worker_thread"): _takes("resource_type"),
    **{(f"{_CLOUDFORMATION}.{module}", "_resolve_refs"): _RESOLVE for module in _RESOLVERS},
    **{(f"{_CLOUDFORMATION}.{module}", "_evaluate_conditions"): _takes("template", "params") for module in _RESOLVERS},
    (_CLOUDFORMATION, "_stacks"): _is_scoped,
    (f"{_CLOUDFORMATION}.changesets", "_find_change_set"): _takes("cs_name", "stack_name"),
    ("ministack.services.ec2", "_ACTION_MAP"): lambda found: all(callable(action) for action in found.values()),
    ("ministack.services.ec2", "_vpce_fields_xml"): _takes("ep", "tag"),
    ("ministack.services.ec2", "_vpc_peering"): lambda found: hasattr(found, "__contains__") and _is_scoped(found),
    ("ministack.services.iam", "_IAM_HANDLERS"): lambda found: callable(found[iam.CREATE_LINKED]),
    ("ministack.services.iam", "_roles"): _is_scoped,
    ("ministack.services.rds", "_ACTION_MAP"): lambda found: all(callable(action) for action in found.values()),
    ("ministack.services.rds", "_create_cluster_snapshot_internal"): _takes("snap_id", "cluster"),
    **{("ministack.services.rds", name): _is_scoped for name in ("_clusters", "_instances", "_db_cluster_snapshots")},
    **{("ministack.services.secretsmanager", name): _takes("data") for name in ("_rotate_secret", "_describe_secret")},
    ("ministack.services.secretsmanager", "_resolve"): _takes("secret_id", "use_arn_scope"),
    ("ministack.services.secretsmanager", "_sync_replicas"): _takes("secret"),
    ("ministack.services.dynamodb", "_replicate_write"): _takes("table", "event_name", "old_item", "new_item"),
    ("ministack.services.dynamodb", "_tables"): _is_scoped,
    ("ministack.services.s3", "_maybe_replicate"): _takes("bucket_name", "key", "obj", "data", "tags"),
    ("ministack.services.s3", "_maybe_replicate_delete_marker"): _takes("bucket_name", "key"),
    ("ministack.services.s3", "_apply_object_lock_from_headers"): _takes("bucket_name", "key", "headers", "version_id"),
    ("ministack.services.s3", "_resolve_sse_write_headers"): _takes("headers", "bucket_name"),
    ("ministack.services.s3", "bucket_region"): _takes("name"),
    **{
        ("ministack.services.s3", name): _is_scoped
        for name in ("_buckets", "_bucket_object_lock", "_bucket_replication", "_object_retention")
    },
    ("ministack.app", "_dispatch_service_request"): _takes(
        "method", "path", "headers", "body", "query_params", "request_id"
    ),
    ("ministack.core.iam_actions", "extract_iam_action"): _takes(*_REQUEST),
    ("ministack.core.iam_actions", "extract_resource_arn"): _takes(*_REQUEST, "region", "account_id"),
    ("ministack.core.router", "detect_service"): _takes("method", "path", "headers", "query_params"),
    ("ministack.core.router", "extract_access_key_id"): _takes("headers", "query_params"),
    ("ministack.services.sts", "_sessions"): _maps_to(dict),
    ("ministack.services.sts", "register_session"): _takes("access_key", "session"),
    **{(f"ministack.{module}", "execution_credentials"): _takes("config") for module in _FUNCTIONS},
    ("ministack.app", "SERVICE_HANDLERS"): lambda found: isinstance(found, dict) and callable(found.get("s3")),
    ("ministack.app", "app"): _takes("scope", "receive", "send"),
    ("ministack.core.router", "SERVICE_PATTERNS"): _maps_to(dict),
    ("ministack.core.router", "extract_signed_region"): _takes("headers", "query_params"),
    ("ministack.core.responses", "get_account_id"): _takes(),
    ("ministack.core.responses", "get_region"): _takes(),
    ("ministack.core.responses", "request_scope"): _takes("account_id", "region"),
}


def install(databases: Servers) -> None:
    """Add everything to the imported ministack."""
    check_private_names()
    _install_resource_types(databases)
    _install_storage()
    application, router, network = map(_module, ("ministack.app", "ministack.core.router", "ministack.services.ec2"))
    services = application.SERVICE_HANDLERS
    services["backup"] = backup.service(otherwise=services["backup"])
    services["ecr"] = ecr.service(otherwise=services["ecr"])
    services["codepipeline"] = codepipeline.handle_request
    router.SERVICE_PATTERNS["codepipeline"] = CODEPIPELINE
    roles = _module("ministack.services.iam")
    known_roles, create = roles._roles, roles._IAM_HANDLERS[iam.CREATE_LINKED]
    roles._IAM_HANDLERS[iam.CREATE_LINKED] = iam.linked_role(otherwise=create, roles=known_roles)
    network._ACTION_MAP.setdefault(ec2.ACTION, ec2.action(connections=network._vpc_peering))
    network._vpce_fields_xml = ec2.with_policy(network._vpce_fields_xml)
    manager = _module("ministack.services.secretsmanager")
    manager._rotate_secret = secretsmanager.rotating(
        manager._rotate_secret,
        find=manager._resolve,
        replicate=manager._sync_replicas,
        steps=lambda: secretsmanager.WITHOUT_DATABASE if databases.missing else secretsmanager.STEPS,
    )
    manager._describe_secret = secretsmanager.dated(manager._describe_secret, find=manager._resolve)
    sessions = _install_recording(application, router)
    clusters = _module("ministack.services.rds")
    aurora = rds_actions.Aurora(
        native=clusters._ACTION_MAP,
        clusters=clusters._clusters,
        instances=clusters._instances,
        snapshots=clusters._db_cluster_snapshots,
        servers=databases,
    )
    clusters._ACTION_MAP |= aurora.actions()
    clusters._create_cluster_snapshot_internal = aurora.with_data(clusters._create_cluster_snapshot_internal)
    known = _module(f"{_CLOUDFORMATION}.provisioners")._RESOURCE_HANDLERS
    notes = {name: ADDED[name].note if name in ADDED else "" for name in known if name not in recorded.TYPES}
    refusing = outage.refusing(beside=application.app)
    application.app = pages.serve(beside=refusing, emulated=notes, databases=databases, sessions=sessions)


def _install_recording(application: Any, router: Any) -> calls.Sessions:
    tokens = _module("ministack.services.sts")
    sessions = calls.Sessions(tokens._sessions, register=tokens.register_session)
    application._dispatch_service_request = calls.recording(
        application._dispatch_service_request,
        mapping=_module("ministack.core.iam_actions"),
        service_of=router.detect_service,
        key_of=router.extract_access_key_id,
        sessions=sessions,
        peerings=_module("ministack.services.ec2")._vpc_peering,
    )
    functions = [_module(f"ministack.{name}") for name in _FUNCTIONS]
    credentials = sessions.of_functions(functions[0].execution_credentials)
    for module in functions:
        module.execution_credentials = credentials
    return sessions


def _install_resource_types(databases: Servers) -> None:
    service, provisioners, stacks, engine = map(
        _module, (_CLOUDFORMATION, *(f"{_CLOUDFORMATION}.{name}" for name in ("provisioners", "stacks", "engine")))
    )
    known = provisioners._RESOURCE_HANDLERS
    ours = handlers(native=known, clusters=_module("ministack.services.rds")._clusters, databases=databases)
    known |= ours
    add_replacing_properties(
        known,
        always=provisioners._REPLACING_PROPERTIES,
        conditionally=provisioners._CONDITIONALLY_REPLACING_PROPERTIES,
    )
    own_thread = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda resource_type: resource_type in ours or own_thread(resource_type)
    resolve = cloudformation.resolver(otherwise=engine._resolve_refs, stacks=service._stacks)
    change_sets = _module(f"{_CLOUDFORMATION}.changesets")
    change_sets._find_change_set = cloudformation.named_parameters(change_sets._find_change_set)
    evaluate = cloudformation.conditions(otherwise=engine._evaluate_conditions)
    for module in _RESOLVERS:
        _module(f"{_CLOUDFORMATION}.{module}")._resolve_refs = resolve
        _module(f"{_CLOUDFORMATION}.{module}")._evaluate_conditions = evaluate


def _install_storage() -> None:
    tables, objects = _module("ministack.services.dynamodb"), _module("ministack.services.s3")
    tables._replicate_write = dynamodb.waiting(tables._replicate_write, tables=tables._tables)
    replication = s3.Replication(
        s3.Store(
            objects=lambda bucket: objects._buckets[bucket]["objects"],
            region=objects.bucket_region,
            rules=objects._bucket_replication,
            locks=objects._bucket_object_lock,
            retention=objects._object_retention,
        )
    )
    objects._resolve_sse_write_headers = s3.with_default_key(objects._resolve_sse_write_headers)
    objects._maybe_replicate = replication.waiting(objects._maybe_replicate)
    objects._maybe_replicate_delete_marker = replication.waiting(objects._maybe_replicate_delete_marker)
    objects._apply_object_lock_from_headers = replication.locking(objects._apply_object_lock_from_headers)


def check_private_names() -> None:
    """Raise `MovedError` for the first private name that is missing or has changed."""
    for (module, name), as_expected in PRIVATE_NAMES.items():
        try:
            fine = as_expected(getattr(_module(module), name))
        except (ImportError, AttributeError, KeyError, TypeError, ValueError):
            fine = False
        if not fine:
            raise MovedError(
                f"{module}.{name} is missing or has changed: the emulator's extension needs ministack {WRITTEN_FOR}, "
                f"installed is {version('ministack')}. Pin {WRITTEN_FOR} again, or find where the name went and "
                "change cdk_rehearsal/emulator/server/extension.py."
            )


def _module(name: str) -> Any:
    """A module of ministack, which has no types."""
    return importlib.import_module(name)
