"""`python -m bench.apps.stage OUTPUT [COPIES]`: DR stack and network of Dev, as bench/typescript/app.ts has them.

Under the three packs alone, because our own rules are Python's and the port has none.
"""

import json
import sys
from pathlib import Path

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks, PCIDSS321Checks

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.keys import EncryptionKey
from payment_constructs.network import Network
from pipeline.settings import load_delivery
from stages.disaster_recovery_stack import DisasterRecoveryStack


class NetworkStack(cdk.Stack):
    """A stack that knows its zones."""

    @property
    def availability_zones(self) -> list[str]:
        """Of the region."""
        return [f"{self.region}{zone}" for zone in "abc"]


context = json.loads(Path("cdk.json").read_text(encoding="utf-8"))["context"]
app = cdk.App(analytics_reporting=False, context=context, outdir=sys.argv[1])
cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), PCIDSS321Checks(app), NIST80053R5Checks(app))
dev = load_delivery(context["delivery"], release="unreleased").environments[0]
for copy in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):  # noqa: PLR2004
    DisasterRecoveryStack(
        app,
        f"DisasterRecovery{copy}",
        environment=dev,
        env=cdk.Environment(account=dev.account, region=dev.dr_region),
    )
    network = NetworkStack(app, f"Network{copy}", env=cdk.Environment(account=dev.account, region=dev.primary_region))
    key = EncryptionKey(network, "LogKey", purpose="Logs of Dev", retain=False)
    key.allow_log_groups()
    vpc = Network(
        network,
        "Network",
        cidr=dev.vpc_cidr,
        nat_gateways=dev.nat_gateways,
        endpoint_zones=dev.endpoint_zones,
        log_key=key,
        retain=False,
    ).vpc
    acknowledge(
        vpc,
        "NIST.800.53.R5::NIST.800.53.R5-VPCDefaultSecurityGroupClosed",
        "PCI.DSS.321::PCI.DSS.321-VPCDefaultSecurityGroupClosed",
        control="Closed by the platform's housekeeping, which is not compared.",
    )
app.synth()
