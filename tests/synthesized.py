"""Synthesizes a delivery as app.py does, and reads the policy report."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aws_cdk as cdk

import app as entry_point
from pipeline.settings import Delivery
from tests.templates import Assembly

_CHECKOUT = Path(__file__).parents[1]
RELEASE = "0" * 40
"""The commit that the tests synthesize as the release."""


def synthesize(directory: Path, *, context: Mapping[str, Any]) -> tuple[Delivery, Assembly]:
    """Synthesizes the delivery that a context describes, with every policy pack and validator on."""
    app = cdk.App(analytics_reporting=False, context={**context, "release": RELEASE}, outdir=str(directory))
    delivery = entry_point.load(app)
    entry_point.synthesize(app, delivery)
    return delivery, Assembly(directory)


def synthesize_as_a_user(
    directory: Path, *, context: Mapping[str, Any], environment: Mapping[str, str] = os.environ, validate: bool = True
) -> None:
    """Synthesizes in a process of its own, with the CDK's validator of templates unless it is switched off."""
    run = subprocess.run(  # noqa: S603 - this module
        [sys.executable, "-m", "tests.synthesized", str(directory)],
        cwd=_CHECKOUT,
        env={**environment, "CDK_VALIDATION": str(validate).lower()},
        input=json.dumps(context),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise RuntimeError(run.stdout + run.stderr)


def synthesize_small(
    directory: Path, *, context: Mapping[str, Any], delivery: Delivery, policy: bool = False
) -> Assembly:
    """Synthesizes the first two environments of a delivery, and checks them only if asked: a third of the time."""
    app = cdk.App(analytics_reporting=False, context=context, outdir=str(directory))
    with nullcontext() if policy else patch("app.enforce_policy"):
        entry_point.synthesize(app, replace(delivery, environments=delivery.environments[:2]))
    return Assembly(directory)


def report_in(directory: Path) -> dict[str, dict[str, Any]]:
    """The report of each policy pack and validator by its name; it exists also if the synthesis failed."""
    report = json.loads((directory / "validation-report.json").read_text(encoding="utf-8"))
    return {plugin["pluginName"]: plugin for plugin in report["pluginReports"]}


def acknowledgements(assembly: Assembly) -> Iterator[tuple[str, str, str]]:
    """Every acknowledgement: the construct path, the rule, the compensating control."""
    for path in assembly.directory.rglob("*.metadata.json"):
        for construct_path, entries in json.loads(path.read_text(encoding="utf-8")).items():
            for entry in entries:
                if entry["type"] == "aws:cdk:acknowledged-rules":
                    for rule, control in entry["data"].items():
                        yield construct_path.lstrip("/"), rule, control


if __name__ == "__main__":
    synthesize(Path(sys.argv[1]), context=json.load(sys.stdin))
