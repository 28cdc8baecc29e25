"""A delivery of the last release is upgraded to this commit by the list in CHANGELOG.md, and keeps what it stores."""

from collections.abc import Iterator

import pytest

from cdk_rehearsal import Emulator
from pipeline.plan.upgrade_check import ComparisonError, installed, last_release
from tests.conftest import CHECKOUT
from tests.rehearsal.project import Project
from tests.rehearsal.upgrade import Upgraded, upgraded


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    directory = tmp_path_factory.mktemp("upgrade")
    try:
        release = installed(CHECKOUT, name=last_release(CHECKOUT))
    except ComparisonError as error:
        pytest.fail(f"the upgrade from the last release cannot be rehearsed: {error}")
    with Emulator.start(log=directory / "emulator.log") as world:
        yield upgraded(Project(directory / "checkout"), world, release=release)


def test_the_list_of_the_changelog_upgrades_every_environment(upgrade: Upgraded) -> None:
    assert upgrade.reports[1].delivered, upgrade.reports[1].failure
    assert upgrade.carried_out == upgrade.listed


def test_the_pipeline_of_the_last_release_updates_itself(upgrade: Upgraded) -> None:
    *cut_off, carried_out = upgrade.reports[1].executions
    assert {each.status for each in cut_off} <= {"Cancelled"}
    assert carried_out.status == "Succeeded"


def test_every_call_of_an_upgrade_is_allowed(upgrade: Upgraded) -> None:
    for report in upgrade.reports[1:]:
        assert report.permissions.missing == (), "allow it in the permissions, or correct the order of the list"


def test_the_commit_after_an_upgrade_is_delivered_without_allowed_changes(upgrade: Upgraded) -> None:
    *_, last = upgrade.reports
    assert last.delivered, last.failure


def test_an_upgrade_deletes_no_type_of_resource(upgrade: Upgraded) -> None:
    before, after, *_ = (set().union(*(stack.resources for stack in report.stacks)) for report in upgrade.reports)
    remedy = "CloudFormation may delete only what the templates declare: keep one of each until the next commit"
    assert before - after == set(), remedy


def test_an_upgrade_keeps_every_resource_with_stored_data(upgrade: Upgraded) -> None:
    before, after = upgrade.stores
    lost = {name for name, physical in before.items() if after.get(name) != physical}
    assert lost == set(), "the upgrade deletes or replaces them"


def test_data_survives_an_upgrade(upgrade: Upgraded) -> None:
    assert {name for name, found in upgrade.kept.items() if set(found) != {"kept"} or len(found) != 4} == set()
