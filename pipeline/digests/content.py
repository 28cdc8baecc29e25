"""The digests of a stack: of its template, of its parameters and tags, and of the content of its assets.

One Lambda function computes them from the cloud assembly, another one from the change set and the
buckets. Each contains this module as a part of its one file, so it imports nothing of this project.
"""

import hashlib
import io
import json
import posixpath
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

PARTS = ("template", "parameters and tags", "assets")
"""What the digests of a stack are of, in their order."""

Read = Callable[[str], bytes]


def digest(document: Any) -> str:
    """The SHA-256 of a document as canonical JSON: with sorted keys, and without white space.

    GetTemplate returns the template that was submitted, and each character beyond ASCII as a question mark:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("ascii", "replace")).hexdigest()


def stack_digests(
    template: Mapping[str, Any],
    *,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    contents: Mapping[str, str],  # the digest of each asset's content
) -> str:
    """The digests of the PARTS, separated by spaces. A parameter without a value has the default of the template."""
    declared = template.get("Parameters", {})
    values = {name: parameters.get(name, str(each.get("Default"))) for name, each in declared.items()}
    return " ".join(map(digest, (template, [values, tags], contents)))


def assets(part: Any) -> Iterator[tuple[str, str]]:
    """Bucket and key of every file asset that a part of a template names."""
    if isinstance(part, list):
        for each in part:
            yield from assets(each)
    elif isinstance(part, dict):
        if isinstance(part.get("S3Bucket"), str) and isinstance(part.get("S3Key"), str):
            yield part["S3Bucket"], part["S3Key"]
        for each in part.values():
            yield from assets(each)


def content_digest(content: bytes) -> str:
    """The digest of an asset: of the files in a zip, because `cdk-assets` compresses a directory in its own way."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return _files_digest([("", content)])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return _files_digest((each.filename, archive.read(each)) for each in archive.infolist() if not each.is_dir())


def _files_digest(files: Iterable[tuple[str, bytes]]) -> str:
    return digest(sorted((name, hashlib.sha256(content).hexdigest()) for name, content in files))


def release_digests(names: Collection[str], read: Read) -> dict[str, str]:
    """The digests of each stack in the files of a cloud assembly, and one of each environment, by their names.

    Raises:
        ValueError: When a template names an asset in a form that the guard does not read.
    """
    digests: dict[str, str] = {}
    for assembly in json.loads(read("manifest.json"))["artifacts"].values():
        if assembly["type"] == "cdk:cloud-assembly":
            directory = assembly["properties"]["directoryName"]
            artifacts = json.loads(read(f"{directory}/manifest.json"))["artifacts"]
            stacks = {
                artifact["properties"].get("stackName", name): _synthesized(names, read, directory, name, artifact)
                for name, artifact in artifacts.items()
                if artifact["type"] == "aws:cloudformation:stack"
            }
            digests |= stacks | {assembly["properties"]["displayName"].rpartition("/")[2]: digest(stacks)}
    return digests


def _synthesized(names: Collection[str], read: Read, directory: str, name: str, stack: Mapping[str, Any]) -> str:
    file = stack["properties"]["templateFile"]
    template = json.loads(read(f"{directory}/{file}"))
    # CDK Pipelines writes the tags of a stack into this file, for the action that creates the change set.
    settings = f"{directory}/{file}.config.json"
    given = json.loads(read(settings)) if settings in names else {}
    files = json.loads(read(f"{directory}/{name}.assets.json"))["files"].values()
    contents = {
        f"{at['bucketName']}/{at['objectKey']}": _source_digest(names, read, directory, each["source"])
        for each in files
        if each["source"]["path"] != file
        for at in each["destinations"].values()
    }
    if unread := {f"{bucket}/{key}" for bucket, key in assets(template)} ^ contents.keys():
        raise ValueError(
            "the guard compares an asset that the release has, and a template names by S3Bucket and S3Key; not so in "
            f"{name} is {', '.join(sorted(unread))}"
        )
    return stack_digests(
        template, parameters=given.get("Parameters", {}), tags=given.get("Tags", {}), contents=contents
    )


def _source_digest(names: Collection[str], read: Read, directory: str, source: Mapping[str, str]) -> str:
    path = posixpath.normpath(f"{directory}/{source['path']}")
    if source["packaging"] != "zip":
        return content_digest(read(path))
    files = (each for each in names if each.startswith(f"{path}/") and not each.endswith("/"))
    return _files_digest((each.removeprefix(f"{path}/"), read(each)) for each in files)
