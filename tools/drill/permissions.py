"""The role of the operator, and the judgement of what roles call in a drill."""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from cdk_rehearsal import Emulator, Environment, Workplace
from cdk_rehearsal.permissions.judge import Judge
from cdk_rehearsal.roles import taken
from pipeline.settings import load_delivery
from tools.drill.failures import must

_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def operator(checkout: Path, *, emulator: Emulator, account: str, region: str) -> str:
    """The access key id of a session of the break-glass role, the administrator that the runbooks ask for.

    It is no exception from the judgement: the roles of `cdk bootstrap` must trust it, and no resource deny it a step.
    """
    settings = json.loads((checkout / "cdk.json").read_text(encoding="utf-8"))["context"]["delivery"]
    name = load_delivery(settings, release="drill").environments[0].break_glass_role
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    iam = emulator.client("iam", account=account, region=region)
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    with suppress(iam.exceptions.EntityAlreadyExistsException):  # of an earlier drill
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    iam.attach_role_policy(RoleName=name, PolicyArn=_ADMINISTRATOR)
    return taken(f"arn:aws:iam::{account}:role/{name}", emulator=emulator, region=region, session="operator")


class Judgement:
    """Judges the calls of a drill: before what allowed some is deleted, and at its end."""

    def __init__(self, workplace: Workplace, *, environments: Iterable[Environment]) -> None:
        self._judge, self._checkout, self._environments = Judge(workplace), workplace.checkout, list(environments)

    def judge(self, *further: Environment) -> str:
        """Every call since the last time must be allowed."""
        found = self._judge.judge([*self._environments, *further], apps=[self._checkout])
        must(not found.not_judged, f"Permissions: {found.not_judged}.")
        must(not found.missing, "\n".join(["A call is denied:", *found.missing]))
        return f"{found.calls} calls of {found.roles} roles judged, all allowed"
