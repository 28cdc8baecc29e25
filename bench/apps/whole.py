"""`python -m bench.apps.whole OUTPUT [ENVIRONMENTS]`: the delivery of cdk.json, or one with more environments.

The added ones are Staging's record under other names, in accounts and networks of their own, without peering, and
delivered between Dev and Staging, which then peers with none either.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import aws_cdk as cdk

import app as entry_point
from pipeline import settings
from stages.environment import Environment
from stages.environments import DELIVERY_ORDER, dev, prod, staging


def another(number: int) -> str:
    """Makes an environment known, and says its name."""

    def make(**wiring: str) -> Environment:
        return replace(
            staging(**wiring),
            name=f"Extra{number}",
            vpc_cidr=f"10.{10 + number}.0.0/16",
            dr_vpc_cidr=f"10.{140 + number}.0.0/16",
            peers_with=None,
        )

    name = f"Extra{number}"
    orders[name] = make
    return name


def account(number: int) -> dict[str, str]:
    """What cdk.json says of an environment."""
    own = f"{600000000000 + number}"
    certificate = f"arn:aws:acm:ap-southeast-1:{own}:certificate/00000000-0000-0000-0000-000000000000"
    return {"account": own, "certificate_arn": certificate, "alarm_email": "payment-alarms@example.com"}


context = json.loads(Path("cdk.json").read_text(encoding="utf-8"))["context"]
wanted = int(sys.argv[2]) if len(sys.argv) > 2 else len(DELIVERY_ORDER)  # noqa: PLR2004
orders: dict[str, Callable[..., Environment]] = {}
extra = {another(number): account(number) for number in range(1, wanted - len(DELIVERY_ORDER) + 1)}
if orders:
    vars(settings)["DELIVERY_ORDER"] = {
        "Dev": dev,
        **orders,
        "Staging": lambda **wiring: replace(staging(**wiring), peers_with=None),
        "Prod": prod,
    }
context["delivery"]["environments"] |= extra
app = cdk.App(analytics_reporting=False, context=context, outdir=sys.argv[1])
entry_point.synthesize(app, entry_point.load(app))
