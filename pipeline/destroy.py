"""`python -m pipeline.destroy NAME`: takes one environment down, with everything in it.

Only one whose data need not outlive it. Where data is retained nothing is deleted: what has to be done by hand first is
said instead, because each of those protections is there to make somebody stop and think.

Exit status: that of `cdk destroy`, or 1 when nothing was begun.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.settings import load_delivery
from stages.environment import Environment, SettingsError

NOT_BEGUN = 1
PAGE = "docs/operations.md#take-an-environment-down"


class RefusedError(Exception):
    """The environment is not destroyed; the message says why, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Looks the environment up, asks, and hands over to the CDK CLI."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.destroy", description=__doc__)
    parser.add_argument("name", help="the environment, such as Dev")
    parser.add_argument("--confirm", default="", help="the name again; without it, it is asked for")
    parser.add_argument("--app", default="cdk.out", help="the cloud assembly (default: %(default)s)")
    given = parser.parse_args(arguments)
    try:
        environments = load_environments(Path("cdk.json"))
        environment = find(environments, name=given.name)
        confirm(environment, environments, answer=given.confirm)
    except (RefusedError, SettingsError) as error:
        print(error, file=sys.stderr)
        return NOT_BEGUN
    # The payment stack goes first: the CLI destroys what depends on something before it.
    command = ["cdk", "--app", given.app, "destroy", f"PipelineStack/{environment.name}/*", "--force"]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - the name is one of the settings'


def load_environments(file: Path) -> tuple[Environment, ...]:
    """The environments of a cdk.json.

    Raises:
        SettingsError: With every fault of the settings.
    """
    context = json.loads(file.read_text(encoding="utf-8"))["context"]
    return load_delivery(context.get("delivery"), release="unreleased").environments


def find(environments: Sequence[Environment], *, name: str) -> Environment:
    """The environment of that name, if it may be destroyed.

    Raises:
        RefusedError: When there is none, or its data outlives it.
    """
    known = {environment.name: environment for environment in environments}
    if name not in known:
        raise RefusedError(f"There is no environment '{name}': give ENV, one of {', '.join(known)}.")
    environment = known[name]
    if environment.retains_data:
        raise RefusedError(
            f"{name} retains its data and is not destroyed by a command; nothing was touched.\n"
            "What protects it has to be taken off by hand first, by two people, in this order: the termination "
            "protection of its stacks, the deletion protection of load balancer and database. Buckets, tables, keys "
            f"and backups stay even then, and locked objects until their locks have run out.\nSee {PAGE}"
        )
    return environment


def confirm(environment: Environment, environments: Sequence[Environment], *, answer: str) -> None:
    """Has the name typed once more.

    Raises:
        RefusedError: When it is another.
    """
    name, place = environment.name, f"{environment.primary_region} and {environment.dr_region}"
    print(f"{name} is destroyed: both stacks, in {place} of account {environment.account}, with all data.")
    for peer in environments:
        if peer.peers_with == name:
            print(f"{peer.name} peers with it: destroy that first, or its own end stays behind (decision 0005).")
    print("The next delivery makes it again, empty.")
    if not answer:
        answer = input(f"Type {name} to go on: ") if sys.stdin.isatty() else ""
    if answer != name:
        raise RefusedError(f"Not confirmed, nothing was touched: type the name, or give CONFIRM={name}.")


if __name__ == "__main__":
    sys.exit(main())
