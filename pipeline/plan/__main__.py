"""`python -m pipeline.plan ENVIRONMENT`: the changes of the synthesized release in a deployed environment.

Prints the plan, and writes it to build/plan as text, as a page, and as shell variables for the pipeline.
"""

import argparse
import json
import shlex
import sys
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from aws_cdk.cx_api import CloudAssembly
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.plan.deployed import UnreadableError, deployed
from pipeline.plan.plan import Plan, StackPlan
from pipeline.plan.rendering import plan_page, plan_text
from pipeline.settings import load_delivery
from stages.environment import SettingsError

OUTPUT = Path("build", "plan")
_LONGEST_SUMMARY = 400


def main() -> int:
    """Makes, writes and prints the plan, and uploads it if a URL is given."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.plan", description=__doc__)
    parser.add_argument("environment", help="such as Prod")
    parser.add_argument("--assembly", type=Path, default=Path("cdk.out"), help="the cloud assembly of the release")
    parser.add_argument("--page", default="", metavar="s3://BUCKET/KEY.html", help="uploads the page, and KEY.txt")
    arguments = parser.parse_args()
    try:
        plan = make_plan(arguments.environment, assembly=arguments.assembly)
        _write(plan)
        if arguments.page:
            _upload(arguments.page)
    except (SettingsError, UnreadableError, FileNotFoundError, BotoCoreError, ClientError) as error:
        print(f"plan: {error}", file=sys.stderr)
        return 1
    print(plan_text(plan), end="")
    return 0


def make_plan(environment: str, *, assembly: Path) -> Plan:
    """Compares the stacks of an environment in an assembly with the deployed stacks.

    Raises:
        FileNotFoundError: If there is no assembly.
        SettingsError: If the assembly has no such environment, or the settings have a fault.
        UnreadableError: If an account cannot be read.
    """
    if not (assembly / "manifest.json").is_file():
        raise FileNotFoundError(f"there is no cloud assembly in {assembly}: run make synth first.")
    artifacts = list(CloudAssembly(str(assembly)).stacks_recursively)
    found = [each for each in artifacts if each.hierarchical_id.split("/")[1:2] == [environment]]
    if not found:
        known = sorted({each.hierarchical_id.split("/")[1] for each in artifacts if "/" in each.hierarchical_id})
        raise SettingsError([f"ENV is {environment!r}: the release has the environments {', '.join(known)}."])
    release = found[0].tags.get("Release", "unreleased")
    settings = json.loads(Path("cdk.json").read_text(encoding="utf-8"))["context"]["delivery"]
    stacks = []
    for artifact in found:
        name, account, region = artifact.stack_name, artifact.environment.account, artifact.environment.region
        stack = deployed(name, account=account, region=region)
        stacks.append(StackPlan.compare(name=name, region=region, deployed=stack, template=artifact.template))
    allowed = load_delivery(settings, release=release).allowed_changes
    return Plan(environment=environment, release=release, stacks=tuple(stacks), allowed=allowed)


def _write(plan: Plan) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "plan.txt").write_text(plan_text(plan), encoding="utf-8")
    (OUTPUT / "plan.html").write_text(plan_page(plan), encoding="utf-8")
    variables = {"PLAN_SUMMARY": plan.summary[:_LONGEST_SUMMARY], "PLAN_BROADENS": "yes" if plan.broadens else "no"}
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    (OUTPUT / "variables").write_text("".join(lines), encoding="utf-8")


def _upload(page: str) -> None:
    url = urlsplit(page)
    key = url.path.lstrip("/").removesuffix(".html")
    for kind, content_type in (("html", "text/html"), ("txt", "text/plain")):
        boto3.client("s3").put_object(
            Bucket=url.netloc,
            Key=f"{key}.{kind}",
            Body=(OUTPUT / f"plan.{kind}").read_bytes(),
            ContentType=f"{content_type}; charset=utf-8",
        )


if __name__ == "__main__":
    sys.exit(main())
