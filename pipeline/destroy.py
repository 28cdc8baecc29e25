"""`python -m pipeline.destroy NAME`: destroys an environment with all its data.

An environment that retains data is refused, with the protections to remove manually first.

Exit status: that of `cdk destroy`, or 1 when nothing was started.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.settings import Delivery, load_delivery
from stages.environment import Environment, SettingsError

NOT_STARTED = 1
PAGE = "docs/operations.md#take-an-environment-down"


class RefusedError(Exception):
    """The environment is not destroyed; the message has the reason and the remedy."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Finds the environment, asks for a confirmation and runs `cdk destroy`."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.destroy", description=__doc__)
    parser.add_argument("name", help="the environment")
    parser.add_argument("--confirm", default="", help="the name again, as confirmation (default: ask)")
    parser.add_argument("--app", default="cdk.out", help="the cloud assembly (default: %(default)s)")
    given = parser.parse_args(arguments)
    try:
        delivery = load_settings(Path("cdk.json"))
        environments = delivery.environments
        environment = find_destroyable(environments, name=given.name)
        confirm(environment, environments, answer=given.confirm)
    except (RefusedError, SettingsError) as error:
        print(error, file=sys.stderr)
        return NOT_STARTED
    # The tools beside this Python, whatever is on the PATH.
    node, cdk = (str(Path(sys.executable).parent / tool) for tool in ("node", "cdk"))
    # The CLI destroys the payment stack first, because it depends on the other.
    command = [node, cdk, "--app", given.app, "destroy", f"{delivery.stack_name}/{environment.name}/*", "--force"]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - the name is one of the settings'


def load_settings(file: Path) -> Delivery:
    """The settings of a cdk.json.

    Raises:
        SettingsError: With every fault of the settings.
    """
    context = json.loads(file.read_text(encoding="utf-8"))["context"]
    return load_delivery(context.get("delivery"), release="unreleased")


def find_destroyable(environments: Sequence[Environment], *, name: str) -> Environment:
    """The environment of that name.

    Raises:
        RefusedError: When there is none, or it retains data.
    """
    known = {environment.name: environment for environment in environments}
    if name not in known:
        raise RefusedError(f"There is no environment '{name}': give ENV, one of {', '.join(known)}.")
    environment = known[name]
    if environment.retains_data:
        raise RefusedError(
            f"{name} retains its data and is not destroyed by a command; nothing was touched.\n"
            "Two people have to remove its protections manually first, in this order: the termination protection of "
            "its stacks, then the deletion protection of load balancer and database. Buckets, tables, keys and backups "
            f"are retained even then, and locked objects until their locks expire.\nSee {PAGE}"
        )
    return environment


def confirm(environment: Environment, environments: Sequence[Environment], *, answer: str) -> None:
    """Asks for the name once more, unless the answer is given.

    Raises:
        RefusedError: When the answer is another name.
    """
    name, regions = environment.name, f"{environment.primary_region} and {environment.dr_region}"
    print(f"This destroys {name}: both stacks, in {regions} of account {environment.account}, with all data.")
    for peer in environments:
        if peer.peers_with == name:
            print(f"{peer.name} peers with it: destroy {peer.name} first, or its routes remain (decision 0005).")
    print("The next delivery creates it again, empty.")
    if not answer:
        answer = input(f"Type {name} to continue: ") if sys.stdin.isatty() else ""
    if answer != name:
        raise RefusedError(f"Not confirmed, nothing was touched: type the name, or give CONFIRM={name}.")


if __name__ == "__main__":
    sys.exit(main())
