"""The extension of ministack: the only place that touches its private names, and the place that knows they exist.

ministack has no public way to add a resource type, an intrinsic function, a service or a page. The names used here
are private to the one version that requirements.in pins, so `install` looks at every one of them first and says
which has moved, instead of failing somewhere in a delivery.
"""

import importlib
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple

from cdk_rehearsal.emulator.server import (
    account,
    backup,
    bridge,
    cloudformation,
    cloudwatch,
    codepipeline,
    coverage,
    dynamodb,
    ec2,
    kms,
    outage,
    rds,
    recorded,
    s3,
    secretsmanager,
    wafv2,
)
from cdk_rehearsal.emulator.server.bridge import Completion, Handlers, ResourceType

REGIONS = "/_rehearsal/regions/"
Application = Callable[..., Awaitable[None]]


def serve(*, beside: Application, native: frozenset[str]) -> Application:
    """The application `beside`, with the pages in front of it."""
    pages: dict[str, Callable[[], Any]] = {
        "/_rehearsal/coverage": lambda: coverage.report(
            native={*native, *codepipeline.RESOURCE_TYPES}, bridged=BRIDGED
        ),
        "/_rehearsal/recorded": recorded.listing,
        "/_rehearsal/advisories": lambda: {"vulns": []},
    }

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope.get("path", "") if scope["type"] == "http" else ""
        page = pages.get(path)
        if path.startswith(REGIONS) and scope["method"] == "PUT":
            page = partial(outage.change, *path.removeprefix(REGIONS).split("/"))
        if page is None:
            await beside(scope, receive, send)
            return
        await outage.read_request(receive)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(page()).encode()})

    return application


BRIDGED: dict[str, ResourceType] = {
    **ec2.RESOURCE_TYPES,
    **ec2.NETWORK_ACL_TYPES,
    **ec2.SECURITY_GROUP_TYPES,
    **dynamodb.RESOURCE_TYPES,
    **cloudwatch.RESOURCE_TYPES,
    **wafv2.RESOURCE_TYPES,
    **backup.RESOURCE_TYPES,
    **kms.RESOURCE_TYPES,
    **secretsmanager.RESOURCE_TYPES,
    **rds.RESOURCE_TYPES,
    **account.RESOURCE_TYPES,
}
COMPLETED: dict[str, Completion] = {
    **rds.COMPLETIONS,
    **account.ROLE_COMPLETIONS,
    **account.TOPIC_COMPLETIONS,
    **ec2.COMPLETIONS,
    **backup.COMPLETIONS,
    **s3.COMPLETIONS,
    **dynamodb.COMPLETIONS,
}


class Service(NamedTuple):
    """A whole service: how its requests are recognised, and what answers them."""

    target: str
    handle_request: Any


SERVICES = {"codepipeline": Service("CodePipeline_20150709", codepipeline.handle_request)}


def handlers(*, native: dict[str, Handlers]) -> dict[str, Handlers]:
    """The handlers of all these types; a type that the emulator has too is completed, or replaced on purpose."""
    whole = {
        **{name: resource_type.handlers() for name, resource_type in BRIDGED.items()},
        **{name: completion.handlers(native[name]) for name, completion in COMPLETED.items()},
        **{name: recorded.resource_type(name).handlers() for name in recorded.TYPES},
        **cloudwatch.alarm_handlers(native=native),
        **secretsmanager.secret_handlers(native=native),
        **codepipeline.RESOURCE_TYPES,
    }
    return whole | {name: recorded.keeper(name).handlers(whole.get(name) or native[name]) for name in recorded.DROPPED}


WRITTEN_FOR = "1.5.33"
_CLOUDFORMATION = "ministack.services.cloudformation"
_RESOLVERS = ("engine", "stacks", "changesets", "handlers")  # each holds the function under its own name


class MovedError(Exception):
    """A private name of ministack is not where, or not what, this extension was written for."""


def _takes(*parameters: str) -> Callable[[Any], bool]:
    return lambda found: list(inspect.signature(found).parameters) == list(parameters)


def _maps_to(kind: type) -> Callable[[Any], bool]:
    return lambda found: isinstance(found, dict) and all(isinstance(value, kind) for value in found.values())


_RESOLVE = _takes("value", "resources", "params", "conditions", "mappings", "stack_name", "stack_id")
PRIVATE_NAMES: Mapping[tuple[str, str], Callable[[Any], bool]] = {
    (f"{_CLOUDFORMATION}.provisioners", "_RESOURCE_HANDLERS"): lambda found: (
        isinstance(found, dict) and all(callable(found["AWS::S3::Bucket"][do]) for do in ("create", "delete", "update"))
    ),
    (f"{_CLOUDFORMATION}.provisioners", "_REPLACING_PROPERTIES"): _maps_to(tuple),
    (f"{_CLOUDFORMATION}.provisioners", "_CONDITIONALLY_REPLACING_PROPERTIES"): _maps_to(tuple),
    (f"{_CLOUDFORMATION}.stacks", "_runs_on_worker_thread"): _takes("resource_type"),
    **{(f"{_CLOUDFORMATION}.{module}", "_resolve_refs"): _RESOLVE for module in _RESOLVERS},
    (_CLOUDFORMATION, "_stacks"): lambda found: callable(getattr(found, "get_scoped", None)),
    ("ministack.services.ec2", "_ACTION_MAP"): lambda found: all(callable(action) for action in found.values()),
    ("ministack.services.ec2", "_vpc_peering"): lambda found: hasattr(found, "__contains__"),
    ("ministack.services.rds", "_clusters"): lambda found: hasattr(found, "__setitem__"),
    ("ministack.services.dynamodb", "_replicate_write"): _takes("table", "event_name", "old_item", "new_item"),
    ("ministack.services.dynamodb", "_tables"): lambda found: callable(getattr(found, "get_scoped", None)),
    ("ministack.services.s3", "_maybe_replicate"): _takes("bucket_name", "key", "obj", "data", "tags"),
    ("ministack.services.s3", "_maybe_replicate_delete_marker"): _takes("bucket_name", "key"),
    ("ministack.services.s3", "_apply_object_lock_from_headers"): _takes("bucket_name", "key", "headers", "version_id"),
    ("ministack.services.s3", "bucket_region"): _takes("name"),
    **{
        ("ministack.services.s3", name): lambda found: callable(getattr(found, "get_scoped", None))
        for name in ("_buckets", "_bucket_object_lock", "_bucket_replication", "_object_retention")
    },
    ("ministack.app", "SERVICE_HANDLERS"): lambda found: isinstance(found, dict) and callable(found.get("s3")),
    ("ministack.app", "app"): _takes("scope", "receive", "send"),
    ("ministack.core.router", "SERVICE_PATTERNS"): _maps_to(dict),
    ("ministack.core.router", "extract_signed_region"): _takes("headers", "query_params"),
    ("ministack.core.responses", "get_account_id"): _takes(),
    ("ministack.core.responses", "get_region"): _takes(),
    ("ministack.core.responses", "request_scope"): _takes("account_id", "region"),
}


def install() -> None:
    """Add to the imported ministack everything that this project's emulator has beyond it."""
    check_private_names()
    service, provisioners, stacks, engine = map(
        _module, (_CLOUDFORMATION, *(f"{_CLOUDFORMATION}.{name}" for name in ("provisioners", "stacks", "engine")))
    )
    application, router = _module("ministack.app"), _module("ministack.core.router")

    known = provisioners._RESOURCE_HANDLERS
    native = frozenset(known)
    bridged = handlers(native=known)
    known |= bridged
    rds.complete(handlers=known, clusters=_module("ministack.services.rds")._clusters)
    bridge.complete(
        types=known,
        always=provisioners._REPLACING_PROPERTIES,
        conditionally=provisioners._CONDITIONALLY_REPLACING_PROPERTIES,
    )
    own_thread = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda resource_type: resource_type in bridged or own_thread(resource_type)

    resolve = cloudformation.resolver(otherwise=engine._resolve_refs, stacks=service._stacks)
    for module in _RESOLVERS:
        _module(f"{_CLOUDFORMATION}.{module}")._resolve_refs = resolve

    for name, added in SERVICES.items():
        application.SERVICE_HANDLERS[name] = added.handle_request
        router.SERVICE_PATTERNS[name] = {"target_prefixes": [added.target], "host_patterns": [rf"{name}\."]}
    services = application.SERVICE_HANDLERS
    services["backup"] = backup.service(otherwise=services["backup"])
    tables = _module("ministack.services.dynamodb")
    tables._replicate_write = s3.items(tables._replicate_write, tables=tables._tables)
    s3.Objects(_module("ministack.services.s3")).install()
    network = _module("ministack.services.ec2")
    network._ACTION_MAP.setdefault(ec2.ACTION, ec2.action(connections=network._vpc_peering))
    application.app = serve(beside=outage.refusing(beside=application.app), native=native)


def check_private_names() -> None:
    """Raise `MovedError` for the first private name that is not what this was written for."""
    for (module, name), as_expected in PRIVATE_NAMES.items():
        try:
            fine = as_expected(getattr(_module(module), name))
        except (ImportError, AttributeError, KeyError, TypeError, ValueError):
            fine = False
        if not fine:
            raise MovedError(
                f"{module}.{name} is not what cdk_rehearsal/emulator/server/extension.py was written for: it knows "
                f"ministack {WRITTEN_FOR}, installed is {version('ministack')}. Pin {WRITTEN_FOR} again in "
                "requirements.in, or look up where the name went and adapt the extension."
            )


def _module(name: str) -> Any:
    """A module of ministack; nothing is known of its types."""
    return importlib.import_module(name)
