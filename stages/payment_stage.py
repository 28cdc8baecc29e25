"""One environment as a unit of delivery: its DR stack, then its payment stack."""

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import Construct

from stages.disaster_recovery_stack import DisasterRecoveryStack
from stages.environment import Environment
from stages.layers import Peers
from stages.payment_stack import PaymentStack

APPLICATION = "PaymentProcessing"


class PaymentStage(cdk.Stage):
    """Both stacks of an environment, tagged.

    The release is a tag of the stacks, which CloudFormation hands to every resource; in the templates it would make
    each commit change each resource, and hide what really changes.

    Args:
        environment: What is deployed, and where.
        peers: Who it is peered with.
        tooling_account: The account that delivers it.
        release: The commit that is delivered.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        peers: Peers,
        tooling_account: str,
        release: str,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            env=cdk.Environment(account=environment.account, region=environment.primary_region),
        )
        tags = {"Environment": environment.name, "Application": APPLICATION, "ManagedBy": "CDK"}
        for key, value in tags.items():
            cdk.Tags.of(self).add(key, value)
        stack_tags = tags | {"Release": release}
        self.recovery = DisasterRecoveryStack(
            self,
            "DisasterRecovery",
            environment=environment,
            env=cdk.Environment(account=environment.account, region=environment.dr_region),
            tags=stack_tags,
        )
        self.payment = PaymentStack(
            self,
            "Payment",
            environment=environment,
            peers=peers,
            recovery=self.recovery,
            tooling_account=tooling_account,
            release=release,
            tags=stack_tags,
        )

    @classmethod
    def alone(cls, app: cdk.App, *, environment: Environment, tooling_account: str, release: str) -> "PaymentStage":
        """An environment in an app of its own, without a pipeline and without neighbours.

        Args:
            app: The app.
            environment: What is deployed, and where.
            tooling_account: The account whose delivery it is a part of.
            release: The commit that is deployed.
        """
        return cls(
            app,
            environment.name,
            environment=environment,
            peers=Peers(earlier=None, following=None),
            tooling_account=tooling_account,
            release=release,
        )

    @property
    def outputs(self) -> Mapping[str, cdk.CfnOutput]:
        """What the payment stack tells about itself, by the names of its outputs."""
        return self.payment.outputs
