"""A delivery, synthesized as app.py does it, and what the policy said of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk

import app as entry_point
from pipeline.settings import Delivery
from tests.templates import Assembly

RELEASE = "0" * 40
"""The commit that a synthesis of the tests is of."""


def synthesize(directory: Path, *, context: Mapping[str, Any]) -> tuple[Delivery, Assembly]:
    """Synthesizes what a context describes, with every pack and validator on."""
    app = cdk.App(analytics_reporting=False, context={**context, "release": RELEASE}, outdir=str(directory))
    delivery = entry_point.load(app)
    entry_point.synthesize(app, delivery)
    return delivery, Assembly(directory)


def synthesize_small(directory: Path, *, context: Mapping[str, Any], delivery: Delivery) -> Assembly:
    """Synthesizes a delivery to the first two environments alone, for what does not ask for more."""
    app = cdk.App(analytics_reporting=False, context=context, outdir=str(directory))
    entry_point.synthesize(app, replace(delivery, environments=delivery.environments[:2]))
    return Assembly(directory)


def report_in(directory: Path) -> dict[str, dict[str, Any]]:
    """What each policy pack and validator said, by its name; also of a synthesis that failed."""
    report = json.loads((directory / "validation-report.json").read_text(encoding="utf-8"))
    return {plugin["pluginName"]: plugin for plugin in report["pluginReports"]}


def acknowledgements(assembly: Assembly) -> Iterator[tuple[str, str, str]]:
    """Every acknowledgement that was given: the construct's path, the rule, the compensating control."""
    for path in assembly.directory.rglob("*.metadata.json"):
        for place, entries in json.loads(path.read_text(encoding="utf-8")).items():
            for entry in entries:
                if entry["type"] == "aws:cdk:acknowledged-rules":
                    for rule, control in entry["data"].items():
                        yield place.lstrip("/"), rule, control
