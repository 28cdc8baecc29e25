"""Source actions: the source artifact is the delivered commit, whichever repository service the pipeline names.

It has no file modes, as on AWS: a build that runs a script without naming its interpreter fails.

No repository service is emulated: a delivery needs only the tree and its revision.
"""

from botocore.exceptions import ClientError

from cdk_rehearsal.actions.context import Context, Outcome
from cdk_rehearsal.artifacts import without_modes
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.pipeline import Action


def from_connection(action: Action, context: Context) -> Outcome:
    """A push that came through a CodeConnections connection."""
    if context.configuration.get("OutputArtifactFormat", "CODE_ZIP") != "CODE_ZIP":
        raise DeliveryError(f"{action} needs a full clone as its artifact: a rehearsal knows only CODE_ZIP.")
    commit = context.commit
    variables = {
        "AuthorDisplayName": commit.author,
        "AuthorEmail": commit.author_email,
        "AuthorId": commit.author_email,
        "BranchName": context.configuration["BranchName"],
        "CommitId": commit.id,
        "CommitMessage": commit.message,
        "ConnectionArn": context.configuration["ConnectionArn"],
        "FullRepositoryName": context.configuration["FullRepositoryId"],
    }
    return _outcome(action, context, variables=variables)


def from_github(action: Action, context: Context) -> Outcome:
    """A push to GitHub, with the provider of version 1 that reads with an OAuth token."""
    variables = {
        "BranchName": context.configuration["Branch"],
        "CommitId": context.commit.id,
        "CommitMessage": context.commit.message,
        "CommitUrl": "https://github.com/{Owner}/{Repo}/commit/".format_map(context.configuration) + context.commit.id,
        "RepositoryName": context.configuration["Repo"],
    }
    return _outcome(action, context, variables=variables)


def from_codecommit(action: Action, context: Context) -> Outcome:
    """A push to a CodeCommit repository."""
    variables = {
        "BranchName": context.configuration["BranchName"],
        "CommitId": context.commit.id,
        "CommitMessage": context.commit.message,
        "RepositoryName": context.configuration["RepositoryName"],
    }
    return _outcome(action, context, variables=variables)


def from_s3(action: Action, context: Context) -> Outcome:
    """An upload of the zipped sources, really made where the bucket exists."""
    bucket, key = context.configuration["S3Bucket"], context.configuration["S3ObjectKey"]
    variables = {"BucketName": bucket, "ObjectKey": key}
    notes: tuple[str, ...] = ()
    try:
        client = context.client("s3", region=action.region)
        put = client.put_object(Bucket=bucket, Key=key, Body=context.commit.source)
        variables |= {"ETag": put["ETag"], "VersionId": put.get("VersionId", "null")}
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
        notes = (f"{action}: bucket {bucket} does not exist here, the commit was taken without an upload.",)
    return _outcome(action, context, variables=variables, notes=notes)


def _outcome(action: Action, context: Context, *, variables: dict[str, str], notes: tuple[str, ...] = ()) -> Outcome:
    if len(context.pipeline.source) > 1:
        raise DeliveryError("The pipeline has several sources: a rehearsal delivers the commits of one.")
    return Outcome(
        summary=f"{context.commit.id[:8]} {context.commit.title}",
        revision=context.commit.id,
        artifacts=dict.fromkeys(action.outputs, without_modes(context.commit.source)),
        variables=variables,
        notes=notes,
    )
