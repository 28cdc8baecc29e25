"""The judge of one emulated AWS: judges each call of a role once, on the policies that are deployed at that time."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.permissions import engine
from cdk_rehearsal.permissions.deployed import Deployed
from cdk_rehearsal.permissions.judgement import Permissions, judge
from cdk_rehearsal.report import TOOLKIT
from cdk_rehearsal.workplace import Workplace


class Judge:
    """Has the number of the latest call that it judged, or left out."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace, self._latest = workplace, 0

    def leave_out(self) -> None:
        """Judge no call that was made until now."""
        self._latest = max((call["number"] for call in self._workplace.emulator.calls()), default=0)

    def judge(self, environments: Iterable[Environment], *, apps: Iterable[Path]) -> Permissions:
        """Judge the calls since the last time, with the engine of the first of the apps that installs it."""
        app = next(filter(engine.installed, apps), None)
        if app is None:
            packages = " and ".join(engine.PACKAGES)
            return Permissions(not_judged=f"none was judged, because the app does not install {packages}")
        emulator, settings = self._workplace.emulator, self._workplace.settings
        recorded = emulator.calls()
        permissions = judge(
            recorded,
            since=self._latest,
            deployed=Deployed(emulator, environments=environments, without=TOOLKIT),
            simulate=partial(engine.simulate, app=app, node=self._workplace.tools.node),
            unused=settings.unused,
            sometimes_unused=settings.sometimes_unused,
        )
        self._latest = max((call["number"] for call in recorded), default=0)
        return permissions
