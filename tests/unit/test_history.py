"""The commits of a release: from git, and from the executions of the pipeline."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from pipeline.plan import history as module
from pipeline.plan.history import History
from tests.repository import commit, git

GITHUB = {"type": "connection", "repository": "acme/payments"}
PIPELINE = "payment-delivery"
A, B, C = "a" * 40, "b" * 40, "c" * 40


def history(checkout: Path, *, deployed: str | None, release: str, source: Any = GITHUB, pipeline: str = "") -> History:
    return module.history(deployed=deployed, release=release, source=source, checkout=checkout, pipeline=pipeline)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--initial-branch=main")
    return tmp_path


def test_git_lists_the_commits_since_the_deployed_one(checkout: Path) -> None:
    old, middle, new = (commit(checkout, text) for text in ("first", "second", "third"))
    found = history(checkout, deployed=old, release=new)
    assert [(each.id, each.subject, each.author) for each in found.commits] == [
        (new, "third", "Ana"),
        (middle, "second", "Ana"),
    ]
    assert found.commits[0].url == f"https://github.com/acme/payments/commit/{new}"
    assert found.compare == f"https://github.com/acme/payments/compare/{old}...{new}"
    assert (found.subject, found.removed, found.missing) == ("third", (), ())


def test_git_lists_the_commits_that_a_rollback_removes(checkout: Path) -> None:
    old, new = (commit(checkout, text) for text in ("first", "second"))
    found = history(checkout, deployed=new, release=old)
    assert (found.commits, [each.subject for each in found.removed]) == ((), ["second"])


def test_the_first_release_lists_its_own_commit(checkout: Path) -> None:
    new = commit(checkout, "first")
    found = history(checkout, deployed=None, release=new)
    assert ([each.subject for each in found.commits], found.compare) == (["first"], None)


def test_uncommitted_changes_are_reported(checkout: Path) -> None:
    new = commit(checkout, "first")
    found = history(checkout, deployed=new, release=f"{new}-dirty")
    assert found.missing == ("The release contains changes that are not committed.",)


def test_a_commit_that_the_clone_lacks_is_reported_with_the_remedy(checkout: Path) -> None:
    new = commit(checkout, "first")
    found = history(checkout, deployed=A, release=new)
    assert found.missing == ("Commit aaaaaaaaaaaa is not in this clone: run git fetch.",)
    assert found.compare == f"https://github.com/acme/payments/compare/{A}...{new}"


@pytest.mark.parametrize(
    ("origin", "link"),
    [
        ("git@gitlab.com:acme/payments.git", "https://gitlab.com/acme/payments/-/compare/{}...{}"),
        ("https://bitbucket.org/acme/payments.git", "https://bitbucket.org/acme/payments/branches/compare/{1}%0D{0}"),
    ],
)
def test_the_origin_of_a_clone_determines_the_links(checkout: Path, origin: str, link: str) -> None:
    git(checkout, "remote", "add", "origin", origin)
    old, new = (commit(checkout, text) for text in ("first", "second"))
    found = history(checkout, deployed=old, release=new)
    assert found.compare == link.format(old, new)


def test_another_host_has_no_links(checkout: Path) -> None:
    git(checkout, "remote", "add", "origin", "git@github.acme.com:acme/payments.git")
    old, new = (commit(checkout, text) for text in ("first", "second"))
    assert history(checkout, deployed=old, release=new).compare is None


def test_a_long_history_is_cut_and_a_subject_may_contain_any_character(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_COMMITS", 2)
    old, *_, new = (commit(checkout, text) for text in ("first", "second", "third", "x\x0by\u2028z"))
    found = history(checkout, deployed=old, release=new)
    assert [each.subject for each in found.commits] == ["x\x0by\u2028z", "third"]
    assert found.missing == ("The 1 oldest commits.",)


def test_a_source_without_a_site_has_no_links(checkout: Path) -> None:
    old, new = (commit(checkout, text) for text in ("first", "second"))
    source = {"type": "codecommit", "repository": "payments"}
    found = history(checkout, deployed=old, release=new, source=source)
    assert (found.compare, [each.url for each in found.commits]) == (None, [None])


def test_a_release_that_is_no_commit_is_reported(tmp_path: Path) -> None:
    found = history(tmp_path, deployed=A, release="unreleased")
    assert found.missing == ("The release unreleased is no commit.",)


def test_without_git_and_pipeline_the_page_to_compare_remains(tmp_path: Path) -> None:
    found = history(tmp_path, deployed=A, release=B)
    assert found.missing == ("Without git and outside the pipeline the commits are unknown.",)
    assert found.compare == f"https://github.com/acme/payments/compare/{A}...{B}"


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    """The API of the pipeline whose build makes the plan."""
    client = boto3.client("codepipeline", region_name="ap-southeast-1")
    stub = Stubber(client)
    monkeypatch.setattr(boto3, "client", lambda _service: client)
    stub.activate()
    return stub


def executions(stub: Stubber, *commits: str) -> None:
    """Answers the question for executions, newest first; execution 0 is the oldest."""
    summaries = [
        {
            "pipelineExecutionId": str(len(commits) - 1 - index),
            "sourceRevisions": [{"actionName": "Source", "revisionId": each}],
        }
        for index, each in enumerate(commits)
    ]
    stub.add_response(
        "list_pipeline_executions",
        {"pipelineExecutionSummaries": summaries},
        {"pipelineName": PIPELINE},
    )


def source_action(stub: Stubber, execution: str, **variables: str) -> None:
    actions: list[dict[str, Any]] = [
        {"input": {"actionTypeId": {"category": category, "owner": "AWS", "provider": "P", "version": "1"}}}
        for category in ("Build", "Source")
    ]
    actions[1]["output"] = {"outputVariables": variables}
    stub.add_response(
        "list_action_executions",
        {"actionExecutionDetails": actions},
        {"pipelineName": PIPELINE, "filter": {"pipelineExecutionId": execution}},
    )


def test_the_pipeline_reports_the_commits_since_the_deployed_one(pipeline: Stubber, tmp_path: Path) -> None:
    executions(pipeline, C, B, B, A)
    newest = {"CommitMessage": 'Say "hello"\n\nWhy.', "AuthorDisplayName": "Ana", "ProviderType": "GitLab"}
    source_action(pipeline, "3", **newest)
    source_action(pipeline, "3", **newest)
    source_action(pipeline, "1", CommitMessage="second")
    found = history(tmp_path, deployed=A, release=C, pipeline=PIPELINE)
    assert [(each.subject, each.author) for each in found.commits] == [('Say "hello"', "Ana"), ("second", "")]
    assert found.subject == 'Say "hello"'
    assert found.compare == f"https://gitlab.com/acme/payments/-/compare/{A}...{C}"
    assert found.missing == ("Of a push with several commits, all but the last.",)
    pipeline.assert_no_pending_responses()


def test_an_earlier_commit_that_the_pipeline_delivers_again_removes_later_ones(
    pipeline: Stubber, tmp_path: Path
) -> None:
    executions(pipeline, A, B, A)
    source_action(pipeline, "0", CommitMessage="first")
    source_action(pipeline, "1", CommitMessage="second")
    found = history(tmp_path, deployed=B, release=A, pipeline=PIPELINE)
    assert ([each.subject for each in found.removed], found.commits, found.subject) == (["second"], (), "first")


def test_a_deployed_release_that_the_pipeline_no_longer_knows_is_reported(pipeline: Stubber, tmp_path: Path) -> None:
    executions(pipeline, C, B)
    source_action(pipeline, "1", CommitMessage="third")
    found = history(tmp_path, deployed=A, release=C, pipeline=PIPELINE)
    assert [each.subject for each in found.commits] == ["third"]
    assert "executions do not contain the deployed one" in found.missing[0]


def test_a_denied_call_stops_no_plan(pipeline: Stubber, tmp_path: Path) -> None:
    pipeline.add_client_error("list_pipeline_executions", "AccessDeniedException")
    found = history(tmp_path, deployed=A, release=B, pipeline=PIPELINE)
    assert "The commits could not be read" in found.missing[0]
    assert found.compare == f"https://github.com/acme/payments/compare/{A}...{B}"
