"""The service's container image: in ECR and pinned by digest, so that the tested image is the deployed one."""

from dataclasses import dataclass
from typing import Self

from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from payment_constructs.image_name import IMAGE
from payment_constructs.load_balancer import CONTAINER_PORT, HEALTH_PATH

USER = "10001:10001"
"""Numeric user and group of the container: not root, and not a user of the host."""

TEMPORARY_MIB = 256
"""Size of the tmpfs at /tmp, taken from the task's memory."""

PLATFORMS = {"ARM64": "linux/arm64", "X86_64": "linux/amd64"}
"""The platform of an image, by the architecture of the tasks."""


def image_contract(architecture: str) -> str:
    """What the image must be and do, as the remedy of a wrong one; README.md has all of it."""
    platform = PLATFORMS.get(architecture, architecture)
    return (
        f"An image is for {platform}, since delivery.architecture is {architecture}: another one ends with "
        f"`exec format error`. It runs as {USER} with a read-only root file system and a writable /tmp, listens on "
        f"port {CONTAINER_PORT}, answers GET {HEALTH_PATH}, and reads the environment variables that README.md lists "
        "as its contract."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceImage:
    """An image written as ``ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST``."""

    account: str
    region: str
    repository: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The image that the text names, or None when it is not an ECR image with a digest."""
        found = IMAGE.fullmatch(text)
        return cls(**found.groupdict()) if found else None

    @property
    def repository_arn(self) -> str:
        """The ARN of its ECR repository."""
        return f"arn:aws:ecr:{self.region}:{self.account}:repository/{self.repository}"

    def container_image(self, scope: Construct) -> ecs.ContainerImage:
        """The image for a task definition."""
        repository = ecr.Repository.from_repository_attributes(
            scope, "Repository", repository_arn=self.repository_arn, repository_name=self.repository
        )
        return ecs.ContainerImage.from_ecr_repository(repository, self.digest)
