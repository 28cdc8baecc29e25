"""The pipeline's artifact store in the DR region, which its actions there read from."""

from typing import Any

from aws_cdk import DefaultStackSynthesizer, Stack
from constructs import Construct

from pipeline.artifact_store import ArtifactStore
from pipeline.delivery import Delivery


class RegionalArtifactsStack(Stack):
    """One artifact store; PipelineStack depends on it, so ``cdk deploy PipelineStack`` brings it along.

    Without it CDK Pipelines makes a support stack of its own, whose bucket has no access log and no rotating key.

    Args:
        delivery: Whose artifacts it holds; the deploy roles of its environments may read them.
        region: The region of the store.
    """

    def __init__(self, scope: Construct, construct_id: str, *, delivery: Delivery, region: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, termination_protection=True, **kwargs)
        self.store = ArtifactStore(self, "Artifacts", account=delivery.account, region=region)
        # CDK Pipelines grants this in its own region only. The roles are those that `cdk bootstrap` makes.
        qualifier = DefaultStackSynthesizer.DEFAULT_QUALIFIER
        accounts = dict.fromkeys(environment.account for environment in delivery.environments)
        self.store.allow_reading(
            f"arn:aws:iam::{account}:role/cdk-{qualifier}-deploy-role-{account}-{region}" for account in accounts
        )
