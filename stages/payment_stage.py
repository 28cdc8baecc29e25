"""One environment as a unit of delivery: its DR stack, then its payment stack."""

import aws_cdk as cdk
from constructs import Construct

from stages.disaster_recovery_stack import DisasterRecoveryStack
from stages.environment import Environment
from stages.payment_stack import PaymentStack

APPLICATION = "PaymentProcessing"


class PaymentStage(cdk.Stage):
    """Both stacks of an environment, tagged.

    The release is in parameters only: as a tag it would make each commit change each resource (docs/decisions/0013).
    ``previous`` and ``following`` are the neighbours in the delivery, None for an environment that is deployed on its
    own.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        previous: Environment | None = None,
        following: Environment | None = None,
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
        self.recovery = DisasterRecoveryStack(
            self,
            "DisasterRecovery",
            environment=environment,
            release=release,
            env=cdk.Environment(account=environment.account, region=environment.dr_region),
            tags=tags,
        )
        self.payment = PaymentStack(
            self,
            "Payment",
            environment=environment,
            previous=previous,
            following=following,
            recovery=self.recovery,
            tooling_account=tooling_account,
            release=release,
            tags=tags,
        )
