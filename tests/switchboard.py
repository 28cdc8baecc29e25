"""The switchboard: every documented change of the settings, synthesized and checked on the invariants.

`python -m tests.switchboard [SWITCH...]`, or `make switchboard`, prints a line per switch; exit status 1: one failed.
Last, `make check`'s tests run in a copy of the checkout with everything changed: the tests of the code use sample
settings, and must not notice; those of the live settings check the changed ones.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import UUID

import aws_cdk as cdk

import app as entry_point
from pipeline.bootstrap.permissions import FILE, deployment_steps, template
from pipeline.settings import Delivery, load_delivery
from tests.conftest import CHECKOUT, read_context
from tests.invariants import EACH_ENVIRONMENT, STANDALONE, WHOLE_DELIVERY
from tests.sample import sample_settings, write_settings
from tests.synthesized import RELEASE, synthesize
from tests.templates import Assembly

Settings = dict[str, Any]
CANARY = {"percent": 20, "step_minutes": 6, "bake_minutes": 6}
CODE = "make check's tests, with everything changed"
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "node_modules", "build", "cdk.out", "__pycache__", ".*_cache")
TOOLS = {**os.environ, "PATH": f"{CHECKOUT / '.venv' / 'bin'}:{os.environ['PATH']}"}
GIT = ("git", "-c", "user.name=Switchboard", "-c", "user.email=switchboard@example.com", "-c", "commit.gpgSign=false")
PYTEST = ("-m", "pytest", "-q", "--numprocesses", "auto", "--maxprocesses", "4", "--dist", "loadfile")
STEPS: tuple[tuple[str, ...], ...] = (
    (*GIT, "init", "--quiet"),
    (*GIT, "add", "--all"),
    (*GIT, "commit", "--quiet", "--message", "Change every setting"),
    ("sh", "scripts/synth"),
    (sys.executable, "-m", "pipeline.bootstrap"),
    (sys.executable, "-m", "tests.policy.compliance"),
    (sys.executable, *PYTEST, "tests/unit", "tests/policy", "tools/bench/tests", "tools/pictures/tests"),
)
"""What `make bootstrap`, `make compliance` and `make check` run, after a commit."""


def codecommit_source(settings: Settings) -> None:
    """CodeCommit instead of a connection."""
    settings["source"] = {"type": "codecommit", "repository": "payment-platform", "branch": "trunk"}


def s3_source(settings: Settings) -> None:
    """A zip file in a bucket."""
    settings["source"] = {"type": "s3", "bucket": "payments-source-example", "key": "main.zip"}


def add_environment(settings: Settings, *, after: int, number: int = 0) -> None:
    """One more environment after the given one: a copy of it with its own account and networks."""
    entries = list(settings["environments"].items())
    name, before = entries[after]
    new = json.loads(json.dumps(before).replace(before["account"], f"{510000000000 + number}"))
    new |= {"vpc_cidr": f"10.{20 + number}.0.0/16", "dr_vpc_cidr": f"10.{150 + number}.0.0/16", "peers_with": name}
    new |= {"bake_minutes": 30, "canary": CANARY}
    following, entry = entries[after + 1]
    entries[after + 1 :] = [(f"Qa{number}", new), (following, entry | {"peers_with": False}), *entries[after + 2 :]]
    settings["environments"] = dict(entries)


def one_more_before_the_last(settings: Settings) -> None:
    """An environment between the last two; the last one no longer peers."""
    add_environment(settings, after=len(settings["environments"]) - 2)


def one_more_after_the_first(settings: Settings) -> None:
    """An environment after the first one."""
    add_environment(settings, after=0)


def one_removed(settings: Settings) -> None:
    """The environment before the last is removed, and the last one peers with the one before, which gets its canary."""
    names = list(settings["environments"])
    settings["environments"][names[-3]]["canary"] = settings["environments"].pop(names[-2])["canary"]
    settings["environments"][names[-1]]["peers_with"] = names[-3]


def peering_off(settings: Settings) -> None:
    """No environment peers."""
    for entry in settings["environments"].values():
        entry["peers_with"] = False


def _move(settings: Settings, old: str, new: str) -> None:
    moved = json.loads(json.dumps(settings).replace(old, new))
    settings.update(moved)


def other_primary_region(settings: Settings) -> None:
    """Another primary region, in every setting that names it."""
    _move(settings, settings["primary_region"], "eu-central-1")


def other_dr_region(settings: Settings) -> None:
    """Another DR region."""
    _move(settings, settings["dr_region"], "eu-west-1")


def dr_region_that_recovery_uses(settings: Settings) -> None:
    """The DR region that recovered environments use by default."""
    _move(settings, settings["dr_region"], "us-east-2")


def x86(settings: Settings) -> None:
    """Tasks and image for x86-64."""
    settings["architecture"] = "X86_64"


def other_figures(settings: Settings) -> None:
    """Other thresholds, task counts, instance class, canary, bake time, window and budget."""
    for number, entry in enumerate(settings["environments"].values()):
        entry["alarms"] = {
            "cpu_percent": 60 - number,
            "memory_percent": 65 - number,
            "response_time_ms": 900 - number,
            "error_rate_percent": 0.5,
            "availability_percent": 99.95,
        }
        entry |= {"min_tasks": 3, "max_tasks": 12, "database_instance_class": "db.r7g.xlarge"}
        entry |= {"monthly_budget_usd": 4000, "bake_minutes": 30, "canary": CANARY, "database_instances": 3}
    window = {"days": "TUE,THU", "first_hour": 7, "last_hour": 11, "time_zone": "UTC"}
    list(settings["environments"].values())[-1]["deployment_window"] = window


def accounts_the_same(settings: Settings) -> None:
    """Every environment that does not retain data in one account."""
    first, *others = (each for each in settings["environments"].values() if each.get("data_protection") != "retained")
    for entry in others:
        entry.update(json.loads(json.dumps(entry).replace(entry["account"], first["account"])))


def trial(settings: Settings) -> None:
    """A trial: every environment, and the pipeline, in one account."""
    for entry in settings["environments"].values():
        entry.update(json.loads(json.dumps(entry).replace(entry["account"], settings["account"])))
    settings["trial"] = "The team tries the delivery first"


def frugal_first(settings: Settings) -> None:
    """Every cost setting on the first environment."""
    next(iter(settings["environments"].values()))["frugal"] = True


def frugal_all(settings: Settings) -> None:
    """Every cost setting on each environment that does not retain data."""
    for entry in settings["environments"].values():
        if entry.get("data_protection") != "retained":
            entry["frugal"] = True


def other_names(settings: Settings) -> None:
    """Another stack and another pipeline name."""
    settings |= {"stack_name": "CardsPipeline", "pipeline_name": "cards"}


def chat_topic(settings: Settings) -> None:
    """A chat topic beside the mailbox."""
    topic = f"arn:aws:sns:{settings['primary_region']}:{settings['account']}:chat"
    settings["notifications"]["chat_topic_arn"] = topic


def no_chat_topic(settings: Settings) -> None:
    """The mailbox alone."""
    settings["notifications"].pop("chat_topic_arn", None)


def on_call_endpoint(settings: Settings) -> None:
    """An on-call service for the pages of the last environment."""
    last = list(settings["environments"].values())[-1]
    last["alarm_targets"] = {"page": {"endpoint_secret": "payment/on-call"}}  # pragma: allowlist secret


def dns(settings: Settings) -> None:
    """A name in a hosted zone for each environment."""
    for number, entry in enumerate(settings["environments"].values()):
        name = {"zone_id": f"Z0123456789ABCDEF{number}", "zone_name": "payments.test"}
        entry["dns"] = name | {"record_name": f"api-{number}.payments.test"}


def firewall_limits(settings: Settings) -> None:
    """Other limits of the web application firewall."""
    for number, entry in enumerate(settings["environments"].values()):
        entry["firewall"] = {"requests_per_5_minutes": 50_000, "body_bytes": 4096 if number else 0}


def allowed_domains(settings: Settings) -> None:
    """A list of the domains whose names each environment may resolve."""
    for entry in settings["environments"].values():
        entry["allowed_domains"] = ["*.card-network.test", "acquirer.test"]


def allowed_findings(settings: Settings) -> None:
    """A critical finding of the image that deliveries pass until a date."""
    finding = {"id": "CVE-2026-12345", "reason": "The service does not use the parser", "expires": "2026-12-31"}
    settings["allowed_findings"] = [finding]


def everything(settings: Settings) -> None:
    """All of it at once."""
    for change in (codecommit_source, one_more_before_the_last, other_figures, peering_off, frugal_first, x86):
        change(settings)
    for change in (other_primary_region, other_dr_region, other_names, chat_topic, on_call_endpoint, dns):
        change(settings)
    for change in (firewall_limits, allowed_domains, allowed_findings):
        change(settings)


SWITCHES: tuple[Callable[[Settings], None], ...] = (
    codecommit_source,
    s3_source,
    one_more_before_the_last,
    one_more_after_the_first,
    one_removed,
    peering_off,
    other_primary_region,
    other_dr_region,
    dr_region_that_recovery_uses,
    x86,
    other_figures,
    accounts_the_same,
    trial,
    frugal_first,
    frugal_all,
    other_names,
    no_chat_topic,
    chat_topic,
    on_call_endpoint,
    dns,
    firewall_limits,
    allowed_domains,
    allowed_findings,
    everything,
)
"""Each changes a copy of the settings. A new optional part of the settings gets its switch here."""

STANDALONES: Mapping[str, Mapping[str, str]] = {
    "sandbox": {"sandbox": "alice"},
    "recover": {"recover": "{last}", "certificate": "arn:aws:acm:{dr_region}:{account}:certificate/{id}"},
}
"""Context of an environment that is deployed on its own, as `cdk deploy -c` gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of a switch."""

    name: str
    tests: int
    failures: tuple[str, ...]
    seconds: float
    preparation: tuple[str, ...] = ()  # what has to be done in the accounts


def changed(switch: Callable[[Settings], None]) -> Settings:
    """A copy of the sample settings with a change."""
    settings = sample_settings()
    switch(settings)
    return settings


def run(name: str) -> Result:
    """Synthesizes a switch, and checks every invariant."""
    start, failures, tests = time.monotonic(), list[str](), 0
    preparation: tuple[str, ...] = ()
    with tempfile.TemporaryDirectory() as directory:
        try:
            if name in STANDALONES:
                checks = _standalone(name, Path(directory))
            else:
                (switch,) = (switch for switch in SWITCHES if switch.__name__ == name)
                delivery, assembly = synthesize(Path(directory), context=read_context() | {"delivery": changed(switch)})
                checks = [(check.__name__, check, (assembly, delivery)) for check in WHOLE_DELIVERY]
                checks += [
                    (f"{environment.name}: {check.__name__}", check, (assembly, delivery, environment))
                    for environment in delivery.environments
                    for check in EACH_ENVIRONMENT
                ]
                preparation = prepare(assembly, delivery)
        except Exception as error:  # a synthesis that fails is a row of the table
            checks, failures = [], [f"synthesis: {error}"]
        for check_name, check, arguments in checks:
            tests += 1
            try:
                check(*arguments)
            except Exception as error:
                line = traceback.extract_tb(error.__traceback__)[-1].line
                failures.append(f"{check_name}: {line}: {str(error)[:500]}")
    seconds = time.monotonic() - start
    return Result(name=name, tests=tests, failures=tuple(failures), seconds=seconds, preparation=preparation)


Check = tuple[str, Callable[..., None], tuple[Any, ...]]


def _standalone(name: str, directory: Path) -> list[Check]:
    settings = sample_settings()
    last, entry = list(settings["environments"].items())[-1]
    values = {"last": last, "dr_region": settings["dr_region"], "account": entry["account"], "id": UUID(int=0)}
    given = {key: value.format(**values) for key, value in STANDALONES[name].items()}
    context = read_context() | {"delivery": settings, "release": RELEASE} | given
    app = cdk.App(analytics_reporting=False, context=context, outdir=str(directory))
    delivery = entry_point.load(app)
    environment = entry_point.standalone_environment(app, delivery)
    assert environment is not None
    entry_point.synthesize_standalone(app, delivery, environment)
    assembly = Assembly(directory)
    return [(check.__name__, check, (assembly, delivery, environment)) for check in STANDALONE]


def prepare(assembly: Assembly, delivery: Delivery) -> tuple[str, ...]:
    """What the change needs in which accounts, and when, compared with the sample."""
    sample = load_delivery(sample_settings(), release=RELEASE)
    documents = [assembly.template(name) for name in assembly.stacks]
    before = json.loads(FILE.read_text(encoding="utf-8"))
    steps = list(deployment_steps(before, template(documents, delivery), delivery))
    known = places(sample)
    if new := [f"aws://{account}/{region}" for account, region in places(delivery) if (account, region) not in known]:
        steps.append(f"before the push: cdk bootstrap {' '.join(new)} (README, Deploy to AWS, step 3)")
    return tuple(steps)


def accounts(delivery: Delivery) -> list[str]:
    """Every account of a delivery, once."""
    return list(dict.fromkeys((delivery.account, *(each.account for each in delivery.environments))))


def places(delivery: Delivery) -> list[tuple[str, str]]:
    """Every account and region that is bootstrapped."""
    return [
        (account, region) for account in accounts(delivery) for region in (delivery.primary_region, delivery.dr_region)
    ]


def run_code_tests() -> Result:
    """A checkout in which all settings are changed: the documented steps, then the tests of `make check`."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        checkout = Path(directory) / "checkout"
        shutil.copytree(CHECKOUT, checkout, ignore=NOT_COPIED, symlinks=True)
        for tools in (".venv", "node_modules"):
            (checkout / tools).symlink_to((CHECKOUT / tools).resolve(), target_is_directory=True)
        write_settings(checkout, changed(everything))
        run_in = partial(subprocess.run, cwd=checkout, env=TOOLS, capture_output=True, text=True, check=False)
        for step in STEPS:
            done = run_in(step)
            if done.returncode:
                failed = tuple(re.findall(r"^(?:FAILED|ERROR) .*", done.stdout, flags=re.MULTILINE))
                failures = failed or (f"{' '.join(step)}: {(done.stdout + done.stderr)[-500:]}",)
                return Result(name=CODE, tests=0, failures=failures, seconds=time.monotonic() - start)
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|errors?)\b", done.stdout)}
    return Result(name=CODE, tests=sum(counts.values()), failures=(), seconds=time.monotonic() - start)


def main(wanted: Sequence[str]) -> int:
    """Runs the switches, prints the table, and returns the exit status."""
    known = [*(switch.__name__ for switch in SWITCHES), *STANDALONES]
    if unknown := set(wanted) - set(known):
        print(f"There is no switch {', '.join(sorted(unknown))}; the switches are {', '.join(known)}.")
        return 1
    start, results = time.monotonic(), list[Result]()
    print(f"{'switch':<50} {'tests':>5} {'failures':>8} {'seconds':>7}")
    workers = min(4, os.cpu_count() or 1)
    # jsii keeps a Node process for each interpreter: a forked copy of it would be shared.
    with ProcessPoolExecutor(max_workers=workers, mp_context=get_context("spawn")) as pool:
        for result in pool.map(run, wanted or known):
            results.append(result)
            show(result)
    if not wanted:
        results.append(run_code_tests())
        show(results[-1])
    failed = sum(len(result.failures) for result in results)
    tests, seconds = sum(result.tests for result in results), time.monotonic() - start
    print(f"{'all':<50} {tests:>5} {failed:>8} {seconds:>7.1f}")
    for result in results:
        for step in result.preparation:
            print(f"{result.name}, {step}")
    return 1 if failed else 0


def show(result: Result) -> None:
    """Prints the line of a switch, and its failures below it."""
    print(f"{result.name:<50} {result.tests:>5} {len(result.failures):>8} {result.seconds:>7.1f}", flush=True)
    for failure in result.failures:
        print(f"    {failure}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
