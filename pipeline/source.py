"""The source of the delivery: one record per type, which creates the pipeline's source action."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import pipelines
from constructs import Construct

from stages.environment import SettingsError

CONNECTION = re.compile(r"arn:aws:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[0-9a-f-]{36}")
REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+")
BRANCH = re.compile(r"\S+")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(ABC):
    """A source of commits.

    Raises:
        SettingsError: With every fault of the record.
    """

    def __post_init__(self) -> None:
        SettingsError.raise_if_any(self.faults())

    @abstractmethod
    def faults(self) -> Iterator[str]:
        """Yields a sentence for each invalid field."""

    @abstractmethod
    def pipeline_source(self, scope: Construct) -> pipelines.CodePipelineSource:
        """The source action."""

    def permissions(self) -> list[iam.PolicyStatement]:
        """Permissions of the pipeline that the CDK does not grant."""
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSource(Source):
    """A repository of GitHub, GitLab or Bitbucket behind a CodeConnections connection."""

    connection_arn: str  # created and authorised once in the console
    repository: str  # owner/name
    branch: str = "main"

    def faults(self) -> Iterator[str]:
        """Yields a sentence for each invalid field."""
        if not CONNECTION.fullmatch(self.connection_arn):
            yield (
                f"source.connection_arn is {self.connection_arn!r}: "
                "give arn:aws:codeconnections:REGION:ACCOUNT:connection/ID."
            )
        owner, _, name = self.repository.partition("/")
        if not (REPOSITORY.fullmatch(owner) and REPOSITORY.fullmatch(name.replace("/", "_"))):
            yield f"source.repository is {self.repository!r}: give owner/name."
        yield from _branch_faults(self.branch)

    def pipeline_source(self, scope: Construct) -> pipelines.CodePipelineSource:  # noqa: ARG002
        """The source action; pushes to the branch start the pipeline."""
        return pipelines.CodePipelineSource.connection(
            self.repository, self.branch, connection_arn=self.connection_arn, trigger_on_push=True
        )

    def permissions(self) -> list[iam.PolicyStatement]:
        """Use of the connection: the CDK grants it with the service's former prefix only, ``codestar-connections:``."""
        return [iam.PolicyStatement(actions=["codeconnections:UseConnection"], resources=[self.connection_arn])]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeCommitSource(Source):
    """An existing CodeCommit repository in the pipeline's account and region."""

    repository: str
    branch: str = "main"

    def faults(self) -> Iterator[str]:
        """Yields a sentence for each invalid field."""
        if not REPOSITORY.fullmatch(self.repository):
            yield f"source.repository is {self.repository!r}: give a CodeCommit repository's name."
        yield from _branch_faults(self.branch)

    def pipeline_source(self, scope: Construct) -> pipelines.CodePipelineSource:
        """The source action; an EventBridge rule starts the pipeline on a push."""
        repository = codecommit.Repository.from_repository_name(scope, "SourceRepository", self.repository)
        return pipelines.CodePipelineSource.code_commit(repository, self.branch)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Source(Source):
    """A zip file in a bucket, for a team whose repository AWS cannot reach.

    The bucket exists, is versioned, and is in the pipeline's account and region.
    """

    bucket: str
    key: str

    def faults(self) -> Iterator[str]:
        """Yields a sentence for each invalid field."""
        if not BUCKET.fullmatch(self.bucket):
            yield f"source.bucket is {self.bucket!r}: give an S3 bucket's name."
        if not self.key.endswith(".zip"):
            yield f"source.key is {self.key!r}: give the key of a .zip file."

    def pipeline_source(self, scope: Construct) -> pipelines.CodePipelineSource:
        """The source action; CodePipeline polls the object for new versions."""
        bucket = s3.Bucket.from_bucket_name(scope, "SourceBucket", self.bucket)
        return pipelines.CodePipelineSource.s3(bucket, self.key)


def _branch_faults(branch: str) -> Iterator[str]:
    if not BRANCH.fullmatch(branch):
        yield f"source.branch is {branch!r}: give the name of the branch to deliver, such as main."


SOURCE_TYPES: dict[str, type[Source]] = {
    "connection": ConnectionSource,
    "codecommit": CodeCommitSource,
    "s3": S3Source,
}

SOURCE_SERVICES = frozenset({"codecommit", "codeconnections", "codestar-connections", "s3"})
"""What the source action of any type calls: the permissions boundary allows all, so that a team can change the type."""
