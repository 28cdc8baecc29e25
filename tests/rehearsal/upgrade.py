"""An upgrade of the whole delivery from the last release, carried out once: the list in CHANGELOG.md, in its order."""

import json
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pg8000.native import Connection

from cdk_rehearsal import Emulator, Environment, Rehearsal, Settings, Terminal, blocks, bootstrap_account
from cdk_rehearsal.console import YES, Answer, Request
from cdk_rehearsal.report import Report, StackState
from pipeline.guard.losses import STATEFUL
from tests.rehearsal.project import SOURCES, Project
from tests.rehearsal.week import Data
from tests.sample import write_settings

LIST = re.compile(r"^### Upgrade from .*?\n(?P<steps>.*?)(?=^##)", re.MULTILINE | re.DOTALL)
STEP = re.compile(r"^\d+\. \*\*(?P<title>[^*]+)\*\*", re.MULTILINE)
APPROVE = "Approve"
DOCUMENTED = "Dev"  # the environment in the commands and settings of the list

Stores = dict[str, str]  # the physical id of each stateful resource, by stack and logical id


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded:
    """The deliveries, and what was stored before and after the upgrade."""

    listed: list[str]
    carried_out: list[str]
    reports: list[Report]  # of the release, the upgrade, and the commit after it
    stores: tuple[Stores, Stores]
    kept: dict[str, list[str]]  # by environment


def instructions() -> str:
    """The list of the entry that is not released; an upgrade without one is a push."""
    unreleased = (SOURCES / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## v")[0]
    found = LIST.search(unreleased)
    return found["steps"] if found else "1. **Settings**\n2. **Push**\n"


class Store(Data):
    """What users and the service put into an environment, with a row of the database."""

    def __init__(self, world: Emulator, payment: StackState) -> None:
        super().__init__(world, payment)
        self._world, self._place = world, payment.environment
        self._environment = payment.stack.partition("-")[0].lower()

    def put(self) -> None:
        super().put()
        login = self._login()
        # The rotation of v1.0.0 creates it through the Data API, which the emulator lacks.
        create = f"CREATE ROLE {login['username']} LOGIN PASSWORD '{login['password']}'"
        self._run(
            self._master(),
            f"DO $$ BEGIN {create}; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            f"GRANT CREATE ON DATABASE {login['dbname']} TO {login['username']}",
        )
        self._run(login, "CREATE SCHEMA kept", "CREATE TABLE kept.payments AS SELECT 'kept' AS key")

    def kept(self) -> list[str]:
        """The same as the service finds it, with the login that its secret has now."""
        return [*super().kept(), *(key for (key,) in self._run(self._login(), "TABLE kept.payments"))]

    def _login(self) -> dict[str, Any]:
        return self._secret(f"payment-database-user-{self._environment}")

    def _master(self) -> dict[str, Any]:
        name = f"payment-database-{self._environment}"
        (cluster,) = self._client("rds").describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
        return self._login() | self._secret(cluster["MasterUserSecret"]["SecretArn"])

    def _secret(self, name: str) -> dict[str, Any]:
        answer = self._client("secretsmanager").get_secret_value(SecretId=name)
        value: dict[str, Any] = json.loads(answer["SecretString"])
        return value

    def _client(self, service: str) -> Any:
        return self._world.client(service, account=self._place.account, region=self._place.region)

    def _run(self, login: dict[str, Any], *statements: str) -> Any:
        databases = self._world.databases()
        tls = ssl.create_default_context(cafile=databases["authority"])
        tls.check_hostname = False  # the port of this machine
        port = databases["addresses"][f"{login['host']}:{login['port']}"]
        where = {"host": "127.0.0.1", "port": port, "database": login["dbname"], "ssl_context": tls}
        with Connection(login["username"], password=login["password"], **where) as database:
            return [database.run(each) for each in statements][-1]


class Operator:
    """Delivers the last release, and then does what the list says."""

    def __init__(self, project: Project, world: Emulator) -> None:
        self._project, self._world = project, world
        self.rehearsal = Rehearsal(checkout=project.directory, emulator=world, approve=self._approve)
        self._list = instructions()
        self.listed: list[str] = STEP.findall(self._list)
        self._left: list[str] = []
        self.carried_out: list[str] = []
        self.reports: list[Report] = []
        self._steps: dict[str, Callable[[], None]] = {
            "Settings": self._settings,
            "Approvers": lambda: None,  # no person has a role in the emulated accounts
            "Permissions": lambda: self._bootstrap(lambda commands: commands.partition("cdk bootstrap")[0]),
            "Traffic": lambda: None,  # no container runs, so no traffic was shifted
            "Rotation": self._rotation,
            "Push": self._push,
            "Trust": lambda: self._bootstrap(lambda each: each.replace("cdk bootstrap", "cdk bootstrap --force")),
            APPROVE: lambda: None,  # `_approve` does
            "Next commit": self._next_commit,
        }

    def deliver_release(self, release: Path) -> Report:
        """Bootstrap, deploy and deliver it, with the commands of its own page and builds."""
        self._project.use(release)
        page = self._project.directory / "README.md"
        # The commands of a page are run in a shell that refuses unset variables.
        page.write_text(page.read_text(encoding="utf-8").replace('"$POLICIES$', '"${POLICIES:-}$'), encoding="utf-8")
        self._project.commit("The last release")
        self._configure(offline=())
        self.rehearsal.prepare()
        self._push()
        return self.reports[0]

    def upgrade(self) -> None:
        """Carry out the list."""
        self._left = [*self.listed]
        while self._left:
            self._carry_out(self._left.pop(0))

    def stores(self) -> Stores:
        """The stateful resources of the stacks of the release."""
        found = {}
        for stack in self.reports[0].stacks:
            place = stack.environment
            client = self._world.client("cloudformation", account=place.account, region=place.region)
            for each in client.describe_stack_resources(StackName=stack.stack)["StackResources"]:
                if each["ResourceType"] in STATEFUL:
                    found[f"{stack.stack}/{each['LogicalResourceId']}"] = each["PhysicalResourceId"]
        return found

    def payments(self) -> dict[str, StackState]:
        """The payment stack of each environment."""
        name = "-Payment"
        return {each.stack.removesuffix(name): each for each in self.reports[0].stacks if each.stack.endswith(name)}

    def _approve(self, _: Request) -> Answer:
        """Does what the list says before the approval, at the first one that is asked for."""
        while self._left and APPROVE not in self.carried_out:
            self._carry_out(self._left.pop(0))
        return YES

    def _carry_out(self, step: str) -> None:
        assert step in self._steps, f"rehearse the step '{step}' of CHANGELOG.md in tests/rehearsal/upgrade.py"
        self.carried_out.append(step)  # those that follow are done before it ends
        self._steps[step]()

    def _settings(self) -> None:
        """Take over the sources of today, with the list's changes allowed in each environment."""
        self._project.use(SOURCES)
        self._configure()
        listed = [entry for each in blocks(self._list) if each.marks == "text" for entry in each.code.split()]
        self._allow([f"{name}{each.removeprefix(DOCUMENTED)}" for name in self.payments() for each in listed])

    def _next_commit(self) -> None:
        self._allow([])
        self._push()

    def _allow(self, changes: list[str]) -> None:
        """Commit the settings of today with these changes, and with the peering that the list keeps.

        It stays in the next commit too: calls are judged after a delivery, when a deleted link's policy is gone.
        """
        settings = json.loads((SOURCES / "cdk.json").read_text(encoding="utf-8"))["context"]["delivery"]
        settings["allowed_changes"] = changes
        names = list(self.payments()) if "peers_with" in self._list else []
        for name, neighbour in zip(names[1:], names, strict=False):
            settings["environments"][name]["peers_with"] = neighbour
        write_settings(self._project.directory, settings)
        self._project.commit(f"Allow {len(changes)} changes")

    def _configure(self, **changes: Any) -> None:
        """Rehearse with today's settings; the bootstrap of a release reads fewer files."""
        settings = Settings.load(SOURCES)
        files = tuple(name for name in settings.bootstrap.files if (self._project.directory / name).exists())
        settings = replace(settings, bootstrap=replace(settings.bootstrap, files=files), **changes)
        self.rehearsal.configure(settings)

    def _bootstrap(self, edit: Callable[[str], str]) -> None:
        """Run the README's commands for an account in each account, edited as the list says."""
        targets = {each.environment for each in self.reports[0].stacks}
        (home,) = (
            each.environment for each in self.reports[0].stacks if "AWS::CodePipeline::Pipeline" in each.resources
        )
        regions = [home.region, *sorted({each.region for each in targets} - {home.region})]
        for account in sorted({each.account for each in targets}):
            wanted = [Environment(account=account, region=region) for region in regions]
            bootstrap_account(self.rehearsal.workplace, wanted, home=home, edit=edit)

    def _rotation(self) -> None:
        """Run the commands of the list in each environment."""
        (commands,) = (each.code for each in blocks(self._list) if each.marks == "sh")
        workplace, directory = self.rehearsal.workplace, self._project.directory
        for name, payment in self.payments().items():
            place, log = payment.environment, workplace.logs / "rotation.log"
            terminal = Terminal(workplace, account=place.account, region=place.region, directory=directory, log=log)
            terminal.run(commands.replace(f"-{DOCUMENTED.lower()}", f"-{name.lower()}"), title="Rotation")

    def _push(self) -> None:
        self.reports.append(self.rehearsal.deliver())


def upgraded(project: Project, world: Emulator, *, release: Path) -> Upgraded:
    """Deliver the release, store data, and upgrade."""
    operator = Operator(project, world)
    with operator.rehearsal:
        with pytest.MonkeyPatch.context() as patch:
            # v1.0.0 runs scripts without naming their interpreter, so its source keeps file modes.
            patch.setattr("cdk_rehearsal.actions.source.without_modes", bytes)
            released = operator.deliver_release(release)
        assert released.delivered, f"the last release is not delivered, and nothing can be upgraded: {released.failure}"
        data, before = {name: Store(world, each) for name, each in operator.payments().items()}, operator.stores()
        for each in data.values():
            each.put()
        operator.upgrade()
        return Upgraded(
            listed=operator.listed,
            carried_out=operator.carried_out,
            reports=operator.reports,
            stores=(before, operator.stores()),
            kept={name: each.kept() for name, each in data.items()},
        )
