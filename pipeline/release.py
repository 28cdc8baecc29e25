"""`python -m pipeline.release IMAGE`: writes the image of a release into cdk.json, after checks.

Checks the image's form, existence, architecture and scan; without credentials for its registry only the form.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from payment_constructs.image import ServiceImage
from pipeline.findings.scan import ARCHITECTURES, RefusedError, manifest, platforms, scan_faults

SETTINGS = Path("cdk.json")
_ABSENT = {"ImageNotFoundException", "RepositoryNotFoundException"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Checks the image, writes it into cdk.json, and prints how to release it."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.release", description=__doc__)
    parser.add_argument("image", help="ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST")
    given = parser.parse_args(arguments)
    text = SETTINGS.read_bytes().decode()
    delivery = json.loads(text)["context"]["delivery"]
    try:
        image = parse(given.image)
        for unchecked in check(image, delivery=delivery):
            print(f"Not checked: {unchecked}")
        if given.image == delivery["image"]:
            print("cdk.json has this image already.")
            return 0
        SETTINGS.write_bytes(with_image(text, old=delivery["image"], new=given.image).encode())
    except RefusedError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    short = f"{image.repository}@{image.digest[:19]}"
    print(f"cdk.json has the new image, instead of {delivery['image']}. To release it:")
    print(f"  git commit cdk.json --message 'Release {short}'\n  git push")
    return 0


def parse(text: str) -> ServiceImage:
    """The image, of which only its digest says which one it is: a tag can move after the tests.

    Raises:
        RefusedError: If it is no ECR image with a digest.
    """
    image = ServiceImage.parse(text)
    if image is None:
        raise RefusedError(
            f"IMAGE is {text!r}: give ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST. A tag can move; "
            "`docker push` prints the digest, and so does `aws ecr describe-images`."
        )
    return image


def with_image(text: str, *, old: str, new: str) -> str:
    """The text of cdk.json with the image replaced, and nothing else.

    Raises:
        RefusedError: If the old image is there more than once.
    """
    setting = re.compile(r'("image"\s*:\s*)' + re.escape(json.dumps(old)))
    if len(setting.findall(text)) != 1:
        raise RefusedError(f"cdk.json must have {old!r} once, as delivery.image: replace it yourself.")
    return setting.sub(lambda found: found[1] + json.dumps(new), text)


def check(image: ServiceImage, *, delivery: Mapping[str, Any]) -> list[str]:
    """A sentence for each check that the credentials do not allow.

    Raises:
        RefusedError: If the image does not exist, is for another architecture, or the delivery would refuse its scan.
    """
    client, architecture = boto3.client("ecr", region_name=image.region), delivery.get("architecture", "ARM64")
    identity = {"registryId": image.account, "repositoryName": image.repository}
    unchecked: list[str] = []
    scanned = image.digest
    with _reported("whether the image exists, and its architecture", unchecked):
        found = manifest(client, identity, image.digest)
        digests = platforms(found) or {_architecture(client, identity, found): image.digest}
        if architecture not in digests:
            raise RefusedError(
                f"the image is for {', '.join(digests) or 'no known architecture'}, and delivery.architecture is "
                f"{architecture}: build it for {architecture}, or change the setting."
            )
        scanned = digests[architecture]
    with _reported("the scan of the image", unchecked):
        allowed, today = delivery.get("allowed_findings", []), datetime.now(tz=UTC).date()
        if faults := list(scan_faults(client, identity, scanned, allowed=allowed, today=today)):
            raise RefusedError("\n".join(faults))
    return unchecked


@contextmanager
def _reported(what: str, unchecked: list[str]) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            raise RefusedError(f"{error.response['Error']['Message']}: push and scan the image first.") from error
        unchecked.append(f"{what}: {error}")
    except (BotoCoreError, OSError) as error:
        unchecked.append(f"{what}: {error}")


def _architecture(client: Any, identity: Mapping[str, str], found: Mapping[str, Any]) -> str:
    """The architecture of an image for one."""
    layer = client.get_download_url_for_layer(**identity, layerDigest=found["config"]["digest"])
    with urlopen(layer["downloadUrl"], timeout=10) as config:  # noqa: S310 - an HTTPS URL of ECR
        name = str(json.load(config)["architecture"])
    return ARCHITECTURES.get(name, name)


if __name__ == "__main__":
    sys.exit(main())
