"""The commits between the deployed release and a new one, from git or from the pipeline's own history."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

_COMMIT = re.compile(r"[0-9a-f]{40}")
_MOST_EXECUTIONS = 300  # of the pipeline that are searched for the deployed commit
_MOST_COMMITS = 30  # that are listed; the pipeline is asked once for each

_SITES = {
    "GitHub": ("https://github.com", "commit/{}", "compare/{}...{}"),
    "GitLab": ("https://gitlab.com", "-/commit/{}", "-/compare/{}...{}"),
    "Bitbucket": ("https://bitbucket.org", "commits/{}", "branches/compare/{1}%0D{0}"),
}
"""The site of a connection's provider type, and the paths of a commit and of two commits compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit of the repository."""

    id: str
    subject: str  # the first line of its message; empty if the source does not report it
    author: str = ""  # empty if the source does not report it
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The commits of a release that are not deployed yet, newest first."""

    subject: str = ""  # of the release's own commit; empty if it is unknown
    commits: tuple[Commit, ...] = ()
    removed: tuple[Commit, ...] = ()  # deployed, but not in the release
    compare: str | None = None  # the URL of a page with all commits and their changes
    missing: tuple[str, ...] = ()  # a sentence for each thing that could not be listed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repository:
    source: Mapping[str, Any]  # delivery.source
    provider: str = "GitHub"

    def commit(self, commit: str) -> str | None:
        return self._page(1, commit)

    def compare(self, deployed: str | None, release: str) -> str | None:
        return self._page(2, deployed, release) if deployed and deployed != release else None

    def _page(self, path: int, *commits: str) -> str | None:
        if self.source.get("type") != "connection" or self.provider not in _SITES:
            return None
        site = _SITES[self.provider]
        return f"{site[0]}/{self.source['repository']}/{site[path].format(*commits)}"


def history(*, deployed: str | None, release: str, source: Mapping[str, Any], checkout: Path, pipeline: str) -> History:
    """The commits between two releases; what cannot be read is reported, and never raised.

    In a clone git lists them. The source of a pipeline is an archive without git's history, but the pipeline's API
    reports the message of the commit that started an execution, and the author if the provider does. A variable of the
    build would not do: a quote in a message breaks the action's configuration
    (https://github.com/aws/aws-cdk/issues/8458).
    """
    commit = release.removesuffix("-dirty")
    if not _COMMIT.fullmatch(commit):
        return History(missing=(f"The release {release} is no commit.",))
    unknown = History(compare=_Repository(source=source).compare(deployed, commit))
    try:
        if (checkout / ".git").exists():
            found = _from_git(checkout, deployed, commit, source)
        elif pipeline:
            found = _from_pipeline(pipeline, deployed, commit, source)
        else:
            found = replace(unknown, missing=("Without git and outside the pipeline the commits are unknown.",))
    except (BotoCoreError, ClientError, OSError, subprocess.CalledProcessError) as error:
        found = replace(unknown, missing=(f"The commits could not be read: {error}",))
    if commit != release:
        found = replace(found, missing=(*found.missing, "The release contains changes that are not committed."))
    return found


def _from_git(checkout: Path, deployed: str | None, release: str, source: Mapping[str, Any]) -> History:
    def git(*arguments: str) -> list[str]:
        command = ["git", "-C", str(checkout), *arguments]
        output = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603 - hashes
        # Not splitlines(): it also splits at characters that a subject may contain.
        return [line for line in output.decode(errors="replace").split("\n") if line]

    def log(*revisions: str) -> tuple[Commit, ...]:
        lines = [line.split("\x1f", 2) for line in git("log", "--format=%H%x1f%an%x1f%s", *revisions, "--")]
        return tuple(
            Commit(id=commit, subject=subject, author=author, url=repository.commit(commit))
            for commit, author, subject in lines
        )

    origin = " ".join(git("config", "--default", "", "--get", "remote.origin.url"))
    hosts = {name: site[0].removeprefix("https://") for name, site in _SITES.items()}
    provider = next((name for name, host in hosts.items() if host in origin), "" if origin else "GitHub")
    repository = _Repository(source=source, provider=provider)
    compare = repository.compare(deployed, release)
    for commit in filter(None, (release, deployed)):
        if not git("rev-parse", "--quiet", "--revs-only", f"{commit}^{{commit}}"):
            return History(compare=compare, missing=(f"Commit {commit[:12]} is not in this clone: run git fetch.",))
    (own,) = log("-1", release)
    commits = log(f"{deployed}..{release}") if deployed else (own,)
    return History(
        subject=own.subject,
        commits=commits[:_MOST_COMMITS],
        removed=log(f"{release}..{deployed}") if deployed else (),
        compare=compare,
        missing=(f"The {len(commits) - _MOST_COMMITS} oldest commits.",) if len(commits) > _MOST_COMMITS else (),
    )


def _from_pipeline(pipeline: str, deployed: str | None, release: str, source: Mapping[str, Any]) -> History:
    client = boto3.client("codepipeline")
    first = dict(_first_executions(client, pipeline))
    if release not in first:
        compare = _Repository(source=source).compare(deployed, release)
        missing = (f"The pipeline's last {_MOST_EXECUTIONS} executions do not contain this release.",)
        return History(compare=compare, missing=missing)
    variables = _source_variables(client, pipeline, first[release])
    repository = _Repository(source=source, provider=variables.get("ProviderType", "GitHub"))
    own = _commit(release, variables, repository)
    found = History(subject=own.subject, commits=(own,), compare=repository.compare(deployed, release))
    if deployed is None:
        return found
    if deployed not in first:
        earlier = f"Earlier commits: the pipeline's last {_MOST_EXECUTIONS} executions do not contain the deployed one."
        return replace(found, missing=(earlier,))
    delivered = list(first)
    new, old = delivered.index(release), delivered.index(deployed)
    between = delivered[new:old] or delivered[old:new]
    commits = tuple(
        _commit(each, _source_variables(client, pipeline, first[each]), repository) for each in between[:_MOST_COMMITS]
    )
    unlisted = ["Of a push with several commits, all but the last."] if between else []
    if len(between) > _MOST_COMMITS:
        unlisted.append(f"The {len(between) - _MOST_COMMITS} oldest pushes.")
    commits, removed = (commits, ()) if new <= old else ((), commits)
    return replace(found, commits=commits, removed=removed, missing=tuple(unlisted))


def _first_executions(client: Any, pipeline: str) -> Iterator[tuple[str, str]]:
    """The first execution of each commit, the newest commit first: later ones deliver a commit again."""
    pages = client.get_paginator("list_pipeline_executions").paginate(
        pipelineName=pipeline, PaginationConfig={"MaxItems": _MOST_EXECUTIONS}
    )
    executions = [
        (revision["revisionId"], execution["pipelineExecutionId"])
        for page in pages
        for execution in page["pipelineExecutionSummaries"]
        for revision in execution.get("sourceRevisions", [])
    ]
    first = dict(executions)  # the last entry of a commit is its first execution
    yield from sorted(first.items(), key=executions.index)


def _source_variables(client: Any, pipeline: str, execution: str) -> Mapping[str, str]:
    pages = client.get_paginator("list_action_executions").paginate(
        pipelineName=pipeline, filter={"pipelineExecutionId": execution}
    )
    for action in (each for page in pages for each in page["actionExecutionDetails"]):
        if action["input"]["actionTypeId"]["category"] == "Source":
            variables: Mapping[str, str] = action.get("output", {}).get("outputVariables", {})
            return variables
    return {}


def _commit(commit: str, variables: Mapping[str, str], repository: _Repository) -> Commit:
    return Commit(
        id=commit,
        subject=next(iter(variables.get("CommitMessage", "").splitlines()), ""),
        author=variables.get("AuthorDisplayName", ""),
        url=repository.commit(commit),
    )
