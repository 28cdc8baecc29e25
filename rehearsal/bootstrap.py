"""Every account and region of the assembly is bootstrapped by the README's commands before anything is deployed there.

One CLI per account, for all its regions: it then works in them at the same time. Accounts that stand are left alone,
so that a second rehearsal against a running emulator begins at once.
"""

import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import groupby

from botocore.exceptions import ClientError

from rehearsal import toolbox
from rehearsal.assembly import Environment, Stack
from rehearsal.errors import DeliveryError
from rehearsal.processes import quoted
from rehearsal.readme import bootstrap_commands
from rehearsal.standing import TOOLKIT
from rehearsal.workplace import Workplace

README = "README.md"
_AT_ONCE = 2  # the CLI is busy with itself most of the time


def bootstrap(workplace: Workplace, *, stacks: Iterable[Stack], home: Environment) -> list[Environment]:
    """Bootstrap what is missing, trusting the pipeline's account; returns what was done."""
    wanted = sorted({stack.environment for stack in stacks})
    missing = [place for place in wanted if not _stands(workplace, place, home=home)]
    if not missing:
        return []
    accounts = {account: list(places) for account, places in groupby(missing, key=lambda place: place.account)}
    with workplace.console.step(f"bootstrap of {len(missing)} environments") as step:
        left = set(accounts)
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            running = {
                pool.submit(bootstrap_account, workplace, places, home=home): account
                for account, places in accounts.items()
            }
            try:
                for done in as_completed(running):
                    done.result()
                    left.discard(running[done])
                    step.watch(f"accounts {', '.join(sorted(left))}")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                workplace.processes.stop()
                raise
        step.note = f"in {len(accounts)} accounts"
    return missing


def _stands(workplace: Workplace, place: Environment, *, home: Environment) -> bool:
    client = workplace.emulator.client("cloudformation", account=place.account, region=place.region)
    try:
        stack = client.describe_stacks(StackName=TOOLKIT)["Stacks"][0]
    except ClientError:
        return False
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
    trusted = parameters.get("TrustedAccounts", "").split(",")
    trusts = place.account == home.account or home.account in trusted
    return bool(stack["StackStatus"].endswith("_COMPLETE") and trusts)


def bootstrap_account(workplace: Workplace, places: list[Environment], *, home: Environment) -> None:
    """Regions of one account, as the README has it done.

    In a directory of its own, where the CLI finds no cdk.json and so no app to synthesize first.
    """
    account = places[0].account
    commands = bootstrap_commands(workplace.checkout / README, tooling=home.account, places=places)
    log = workplace.logs / f"bootstrap-{account}.log"
    directory = workplace.directory / "bootstrap" / account
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copytree(workplace.checkout / "bootstrap", directory / "bootstrap", dirs_exist_ok=True)
    environment = workplace.emulator.environment(account=account, region=places[0].region)
    status = workplace.processes.run(
        ["sh", "-euc", commands],
        cwd=directory,
        environment=toolbox.environment(environment, tools=workplace.tools, scratch=directory),
        log=log,
    )
    if status != 0:
        raise DeliveryError(
            f"The bootstrap of account {account} exited with {status}; the end of {log}:\n{quoted(log)}"
        )
