"""Containers: an image that cannot change, a user without power, a file system that cannot be written."""

import re
from collections.abc import Iterator

from pipeline.policy.template import Finding, Rule, Template

TASK = "AWS::ECS::TaskDefinition"
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
ROOT = re.compile(r"(root|0+)(:.*)?$")


def _judge_image(template: Template) -> Iterator[Finding]:
    for task in template.of_type(TASK):
        for path in task.each("ContainerDefinitions"):
            if not DIGEST.search(_end(task.at(*path, "Image"))):
                yield task.finding(*path, "Image")


def _end(image: object) -> str:
    """The text that an image's name ends with; an account or a region before it may be known on deployment only."""
    match image:
        case str():
            return image
        case {"Fn::Join": ["", [*_, str(end)]]} | {"Fn::Sub": str(end) | [str(end), _]}:
            return end
        case _:
            return ""


def _judge_confinement(template: Template) -> Iterator[Finding]:
    for task in template.of_type(TASK):
        for path in task.each("ContainerDefinitions"):
            user = task.at(*path, "User")
            # Where nothing is said, the image decides, and mostly for root.
            if not isinstance(user, str) or not user or ROOT.match(user):
                yield task.finding(*path, "User")
            if task.at(*path, "ReadonlyRootFilesystem") is not True:
                yield task.finding(*path, "ReadonlyRootFilesystem")
            if task.at(*path, "Privileged") not in (None, False):
                yield task.finding(*path, "Privileged")


IMAGE_BY_DIGEST = Rule(
    id="PCI-6.3.2-ImageByDigest",
    requirements=("6.3.2", "6.5.1"),
    asks="A container's image is named by its digest, so that what was tested is what runs.",
    remedy="Name the image by NAME@sha256:DIGEST, in the environment's settings.",
    types=(TASK,),
    judge=_judge_image,
)
CONTAINER_CONFINED = Rule(
    id="PCI-2.2.6-ContainerConfined",
    requirements=("2.2.4", "2.2.6"),
    asks="A container runs as a user that is not root, without privileges, on a root file system that it cannot write.",
    remedy="Give user, readonly_root_filesystem=True, and leave privileged out.",
    types=(TASK,),
    judge=_judge_confinement,
)
