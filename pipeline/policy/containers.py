"""Rules for containers: an image by digest, a user without privileges, a read-only file system."""

import re
from collections.abc import Iterator

from pipeline.policy.rule import policy_rule
from pipeline.policy.template import Finding, Template

TASK = "AWS::ECS::TaskDefinition"
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
ROOT = re.compile(r"(root|0+)(:.*)?$")


@policy_rule(
    "PCI-6.5.1-ImageByDigest",
    requirements=("6.5.1", "11.5.2"),
    description="A container image is named by its digest, so the tested image is the deployed image.",
    fix="Set the image to NAME@sha256:DIGEST in the environment's settings.",
    types=(TASK,),
)
def _check_image(template: Template) -> Iterator[Finding]:
    for task in template.of_type(TASK):
        for container in task.items("ContainerDefinitions"):
            if not DIGEST.search(_end(container.at("Image"))):
                yield container.finding("Image")


def _end(image: object) -> str:
    """The literal end of an image name; its account or region may be known only at deployment."""
    match image:
        case str():
            return image
        case {"Fn::Join": ["", [*_, str(end)]]} | {"Fn::Sub": str(end) | [str(end), _]}:
            return end
        case _:
            return ""


@policy_rule(
    "PCI-2.2.6-ContainerConfined",
    requirements=("2.2.4", "2.2.6", "11.5.2"),
    description="A container runs as a non-root user, without privileges, on a read-only root file system.",
    fix="Set user and readonly_root_filesystem=True, and do not set privileged.",
    types=(TASK,),
)
def _check_privileges(template: Template) -> Iterator[Finding]:
    for task in template.of_type(TASK):
        for container in task.items("ContainerDefinitions"):
            user = container.at("User")
            # Without a user the image decides, and most images run as root.
            if not isinstance(user, str) or not user or ROOT.match(user):
                yield container.finding("User")
            if container.at("ReadonlyRootFilesystem") is not True:
                yield container.finding("ReadonlyRootFilesystem")
            if container.at("Privileged") not in (None, False):
                yield container.finding("Privileged")
