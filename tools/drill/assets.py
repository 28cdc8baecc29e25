"""The file assets of a stack, published to the emulator as the pipeline's Assets stage does on AWS."""

import io
import json
import zipfile
from pathlib import Path

from botocore.exceptions import ClientError

from cdk_rehearsal import Emulator, Stack


def publish(stack: Stack, *, emulator: Emulator) -> None:
    """Zip and upload the directories that the functions of a stack have their code from."""
    listed = stack.template.with_name(stack.template.name.replace(".template.json", ".assets.json"))
    account, region = stack.environment.account, stack.environment.region
    s3 = emulator.client("s3", account=account, region=region)
    for asset in json.loads(listed.read_text(encoding="utf-8"))["files"].values():
        if asset["source"]["packaging"] != "zip":
            continue
        for destination in asset["destinations"].values():
            bucket = destination["bucketName"]
            try:
                s3.head_bucket(Bucket=bucket)
            except ClientError:
                s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
            s3.put_object(
                Bucket=bucket, Key=destination["objectKey"], Body=_zipped(listed.parent / asset["source"]["path"])
            )


def _zipped(directory: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in sorted(directory.rglob("*")):
            archive.write(file, file.relative_to(directory))
    return content.getvalue()
