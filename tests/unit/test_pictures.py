"""The pictures in docs/ are of what is synthesized: a change of the architecture changes them, an account does not."""

import copy
import re
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from pictures.area import Area
from pictures.canvas import Canvas
from pictures.delivery import TOOLING
from pictures.delivery_reading import delivery as read_delivery
from pictures.gallery import gallery
from pictures.platform_reading import platform
from pipeline.settings import Delivery
from tests.conftest import CHECKOUT
from tests.templates import Assembly, Template

PICTURES = ("delivery.svg", "platform.svg")


@pytest.fixture(scope="module")
def drawn(assembly: Assembly) -> dict[str, Canvas]:
    return dict(gallery(assembly))


class Planted(Assembly):
    """An assembly one of whose templates is changed before it is read."""

    def __init__(self, assembly: Assembly, stack: str, change: Callable[[dict[str, Any]], object]) -> None:
        super().__init__(assembly.directory)
        self._planted = stack, copy.deepcopy(assembly.template(stack))
        change(self._planted[1]["Resources"])

    def template(self, stack_name: str) -> Template:  # type: ignore[override]  # the other one is cached
        return self._planted[1] if stack_name == self._planted[0] else super().template(stack_name)


def of_type(resources: dict[str, Any], resource_type: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == resource_type]


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_are_current(drawn: dict[str, Canvas], name: str) -> None:
    committed = (CHECKOUT / "docs" / name).read_text(encoding="utf-8")
    assert committed == drawn[name].svg(), f"docs/{name} shows something else than the templates: run make pictures"


@pytest.mark.parametrize("name", PICTURES)
def test_the_readme_shows_the_pictures_and_says_what_they_show(name: str) -> None:
    shown = re.search(rf"!\[(?P<words>[^]]+)\]\(docs/{name}\)", (CHECKOUT / "README.md").read_text(encoding="utf-8"))
    assert shown
    assert len(shown["words"]) > 60


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_names_no_account_and_no_release(drawn: dict[str, Canvas], name: str) -> None:
    assert not re.search(r"\d{12}", drawn[name].svg())


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_a_title_and_a_description(drawn: dict[str, Canvas], name: str) -> None:
    svg = drawn[name].svg()
    assert re.search(r"<title id=\"title\">.{10,}</title>", svg)
    assert re.search(r"<desc id=\"description\">.{60,}</desc>", svg)


@pytest.mark.parametrize("name", PICTURES)
def test_no_line_crosses_a_box_or_a_word_and_nothing_covers_another(drawn: dict[str, Canvas], name: str) -> None:
    canvas = drawn[name]
    for line in canvas.lines:
        assert not [place for place in (*canvas.boxes, *canvas.labels) if line.meets(place)], line
    for things in (canvas.boxes, canvas.labels):
        for one, other in combinations(things, 2):
            assert not one.meets(other), (one, other)


def test_words_that_do_not_fit_are_refused() -> None:
    canvas = Canvas(title="A picture", description="Of nothing.", height=100)
    with pytest.raises(ValueError, match="say it shorter"):
        canvas.box(Area(x=0, y=0, width=60, height=40), "Wider than sixty pixels")


def test_the_delivery_shows_every_stage_and_action(assembly: Assembly, drawn: dict[str, Canvas]) -> None:
    words = drawn["delivery.svg"].words
    for stage in assembly.pipeline_stages():
        assert stage["Name"] in words
    read = read_delivery(assembly)
    assert sum(len(stage.actions) for stage in read.stages) == sum(
        len(stage["Actions"]) for stage in assembly.pipeline_stages()
    )
    for shown in read.stages:
        if shown.deploys:
            assert {action.name for action in shown.actions} <= set(words)


def test_every_environment_is_drawn_in_its_own_account_and_both_of_its_regions(
    assembly: Assembly, delivery: Delivery, drawn: dict[str, Canvas]
) -> None:
    read = read_delivery(assembly)
    assert read.environments == [environment.name for environment in delivery.environments]
    for environment, stage in zip(
        delivery.environments, (stage for stage in read.stages if stage.deploys), strict=True
    ):
        places = {(action.stack, action.place.owner, action.place.region) for action in stage.actions if action.stack}
        assert places == {
            ("DisasterRecovery", environment.name, environment.dr_region),
            ("Payment", environment.name, environment.primary_region),
        }
        assert f"{environment.name} account" in drawn["delivery.svg"].words
    others = [stage for stage in read.stages if not stage.deploys]
    assert {action.place for stage in others for action in stage.actions} == {read.home}
    assert read.home.owner == TOOLING


def test_the_delivery_shows_what_holds_a_release(delivery: Delivery, drawn: dict[str, Canvas]) -> None:
    words = drawn["delivery.svg"].words
    for environment in delivery.environments:
        if environment.bake_minutes:
            assert f"quiet for {environment.bake_minutes} min" in words
        if window := environment.deployment_window:
            assert any(window.time_zone in word for word in words)
    assert words.count("Guard") == 2 * len(delivery.environments)


def test_a_delivery_without_its_approval_is_another_picture(assembly: Assembly, drawn: dict[str, Canvas]) -> None:
    def without(resources: dict[str, Any]) -> None:
        (pipeline,) = of_type(resources, "AWS::CodePipeline::Pipeline")
        pipeline["Stages"] = [stage for stage in pipeline["Stages"] if stage["Name"] != "ApproveProd"]

    planted = gallery(Planted(assembly, "PipelineStack", without))["delivery.svg"]
    assert "ApproveProd" in drawn["delivery.svg"].words
    assert "ApproveProd" not in planted.words


def test_a_stack_that_is_deployed_into_another_account_is_another_picture(
    assembly: Assembly, delivery: Delivery, drawn: dict[str, Canvas]
) -> None:
    first, last = delivery.environments[0], delivery.environments[-1]
    if first.account == last.account:
        pytest.skip("the environments share an account")

    def astray(resources: dict[str, Any]) -> None:
        (pipeline,) = of_type(resources, "AWS::CodePipeline::Pipeline")
        stage = next(stage for stage in pipeline["Stages"] if stage["Name"] == last.name)
        for action in stage["Actions"]:
            if "RoleArn" in action:
                action["RoleArn"] = f"arn:aws:iam::{first.account}:role/astray"

    planted = gallery(Planted(assembly, "PipelineStack", astray))["delivery.svg"]
    place = f"{first.name} account"
    assert planted.words.count(place) == drawn["delivery.svg"].words.count(place) + 1


def no_table_replica(resources: dict[str, Any]) -> None:
    for table in of_type(resources, "AWS::DynamoDB::GlobalTable"):
        table["Replicas"] = [replica for replica in table["Replicas"] if replica["Region"] != "us-west-2"]


def no_bucket_replica(resources: dict[str, Any]) -> None:
    for bucket in of_type(resources, "AWS::S3::Bucket"):
        bucket.pop("ReplicationConfiguration")


def no_secret_replica(resources: dict[str, Any]) -> None:
    for secret in of_type(resources, "AWS::SecretsManager::Secret"):
        secret.pop("ReplicaRegions")


def no_vault_copy(resources: dict[str, Any]) -> None:
    for plan in of_type(resources, "AWS::Backup::BackupPlan"):
        for rule in plan["BackupPlan"]["BackupPlanRule"]:
            rule.pop("CopyActions")


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (no_table_replica, {"Sessions"}),
        (no_bucket_replica, {"Audit log", "Access logs"}),
        (no_secret_replica, {"Database user"}),
        (no_vault_copy, {"Backups"}),
    ],
)
def test_a_replica_that_is_gone_is_gone_from_the_picture(
    assembly: Assembly,
    delivery: Delivery,
    drawn: dict[str, Canvas],
    change: Callable[[dict[str, Any]], None],
    kept: set[str],
) -> None:
    stack = f"{delivery.environments[-1].name}-Payment"
    planted = gallery(Planted(assembly, stack, change))["platform.svg"]
    for name in kept:
        assert drawn["platform.svg"].words.count(name) == 2
        assert planted.words.count(name) == 1
    assert len(planted.lines) == len(drawn["platform.svg"].lines) - len(kept)


def test_a_grant_that_is_gone_takes_its_arrow_along(assembly: Assembly, delivery: Delivery) -> None:
    def without_queue(resources: dict[str, Any]) -> None:
        for policy in of_type(resources, "AWS::IAM::ManagedPolicy"):
            document = policy["PolicyDocument"]
            document["Statement"] = [
                statement for statement in document["Statement"] if "sqs:SendMessage" not in statement["Action"]
            ]

    name = delivery.environments[-1].name
    planted = platform(Planted(assembly, f"{name}-Payment", without_queue), name)
    used = {store.name for store in platform(assembly, name).stores if store.used}
    assert used == {"Sessions", "Queue", "Audit log", "Database user"}
    assert used - {store.name for store in planted.stores if store.used} == {"Queue"}


def test_the_platform_says_of_every_environment_what_differs(delivery: Delivery, drawn: dict[str, Canvas]) -> None:
    words = drawn["platform.svg"].words
    for environment in delivery.environments:
        assert environment.name in words
        assert environment.vpc_cidr in words
        assert f"{environment.min_tasks} to {environment.max_tasks}" in words
    assert words.count("NAT") == delivery.environments[-1].nat_gateways
