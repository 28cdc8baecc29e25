"""Every account and region of the assembly is bootstrapped by the real CDK CLI before anything is deployed there.

One CLI per account, for all its regions: it then works in them at the same time. Accounts that stand are left alone,
so that a second rehearsal against a running emulator begins at once.
"""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import groupby

from botocore.exceptions import ClientError

from rehearsal import toolbox
from rehearsal.actions.stack import settled, status
from rehearsal.assembly import Environment, Stack
from rehearsal.errors import DeliveryError
from rehearsal.processes import quoted
from rehearsal.standing import PERMISSIONS, TOOLKIT
from rehearsal.workplace import Workplace

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
                pool.submit(_bootstrap, workplace, account, places, home=home): account
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


def _bootstrap(workplace: Workplace, account: str, places: list[Environment], *, home: Environment) -> None:
    policies, boundary = _permissions(workplace, account, region=places[0].region)
    command = ["cdk", "bootstrap", *map(str, places), "--cloudformation-execution-policies", ",".join(policies)]
    command += ["--custom-permissions-boundary", boundary]
    command += ["--bootstrap-customer-key"]  # the emulator has no aws/s3 key to fall back on
    if account != home.account:
        command += ["--trust", home.account]
    log = workplace.logs / f"bootstrap-{account}.log"
    directory = workplace.directory / "bootstrap" / account
    directory.mkdir(parents=True, exist_ok=True)
    environment = workplace.emulator.environment(account=account, region=places[0].region)
    status = workplace.processes.run(
        command,
        cwd=directory,  # without a cdk.json there, the CLI does not synthesize the app again
        environment=toolbox.environment(environment, tools=workplace.tools, scratch=directory),
        log=log,
    )
    if status != 0:
        raise DeliveryError(f"`{' '.join(command)}` exited with {status}; the end of {log}:\n{quoted(log)}")


def _permissions(workplace: Workplace, account: str, *, region: str) -> tuple[list[str], str]:
    """Deploys bootstrap/permissions.json of the checkout, as the README says; the policies and the boundary."""
    body = (workplace.checkout / "bootstrap" / "permissions.json").read_text(encoding="utf-8")
    client = workplace.emulator.client("cloudformation", account=account, region=region)
    if status(client, PERMISSIONS) is None:
        client.create_stack(StackName=PERMISSIONS, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
        settled(client, PERMISSIONS, before=set(), watch=lambda _: None)
    names = [each["Properties"]["ManagedPolicyName"] for each in json.loads(body)["Resources"].values()]
    boundary, *policies = names
    return [f"arn:aws:iam::{account}:policy/{name}" for name in policies], boundary
