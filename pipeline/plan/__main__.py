"""`python -m pipeline.plan ENVIRONMENT`: the changes of the synthesized release in a deployed environment.

Prints the plan, and writes it to build/plan as text, as a page, and as shell variables for the pipeline.
"""

import argparse
import shlex
import sys
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.plan.assembly import assembly_digests, assembly_stacks, delivery_settings
from pipeline.plan.deployed import PlanError, deployed
from pipeline.plan.history import history
from pipeline.plan.plan import Plan, StackPlan, deployed_release
from pipeline.plan.rendering import plan_page, plan_text
from pipeline.plan.template import release_in

OUTPUT = Path("build", "plan")
CHANGED = "docs/operations.md#find-out-who-changed-a-release"
_LONGEST_SUBJECT, _LONGEST_SUMMARY = 150, 400  # the message of an approval has at most 1,000 characters


def main() -> int:
    """Makes, writes and prints the plan, and uploads it if a URL is given."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.plan", description=__doc__)
    parser.add_argument("environment", help="such as Prod")
    parser.add_argument("--assembly", type=Path, default=Path("cdk.out"), help="the cloud assembly of the release")
    parser.add_argument("--page", default="", metavar="s3://BUCKET/KEY.html", help="uploads the page, and KEY.txt")
    parser.add_argument("--pipeline", default="", help="whose executions name the commits, where there is no git")
    parser.add_argument("--digest", default="", help="what the pipeline recorded of the environment behind Build")
    arguments = parser.parse_args()
    try:
        plan = make_plan(arguments.environment, assembly=arguments.assembly, pipeline=arguments.pipeline)
        if arguments.digest not in ("", plan.digest):
            raise PlanError(f"{arguments.assembly} is not what Build made of this release: {CHANGED}.")
        write(plan)
        if arguments.page:
            _upload(arguments.page)
    except (PlanError, BotoCoreError, ClientError) as error:
        print(f"plan: {error}", file=sys.stderr)
        return 1
    print(plan_text(plan), end="")
    return 0


def make_plan(environment: str, *, assembly: Path, pipeline: str = "") -> Plan:
    """Compares the stacks of an environment in an assembly with the deployed stacks.

    Raises:
        PlanError: If there is no assembly, it has no such environment, or an account cannot be read.
    """
    if not (assembly / "manifest.json").is_file():
        raise PlanError(f"there is no cloud assembly in {assembly}: run make synth first.")
    synthesized = list(assembly_stacks(assembly))
    found = [each for each in synthesized if each.environment == environment]
    if not found:
        known = sorted({each.environment for each in synthesized if each.environment})
        raise PlanError(f"ENV is {environment!r}: the release has the environments {', '.join(known)}.")
    stacks = [
        StackPlan.compare(
            name=each.name,
            region=each.region,
            deployed=deployed(each.name, environment=environment, account=each.account, region=each.region),
            template=each.template,
        )
        for each in found
    ]
    release = release_in(found[-1].template) or "unreleased"
    settings = delivery_settings()
    return Plan(
        environment=environment,
        release=release,
        stacks=tuple(stacks),
        digest=assembly_digests(assembly)[environment],
        allowed=tuple(settings.get("allowed_changes", ())),
        trial=settings.get("trial"),
        history=history(
            deployed=deployed_release(stack.deployed for stack in stacks),
            release=release,
            source=settings["source"],
            checkout=Path(),
            pipeline=pipeline,
        ),
    )


def write(plan: Plan) -> None:
    """Writes the plan as text, as a page, and as shell variables for the pipeline."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "plan.txt").write_text(plan_text(plan), encoding="utf-8")
    (OUTPUT / "plan.html").write_text(plan_page(plan), encoding="utf-8")
    variables = {
        "PLAN_SUBJECT": plan.subject[:_LONGEST_SUBJECT],
        "PLAN_SUMMARY": plan.summary[:_LONGEST_SUMMARY],
        "PLAN_BROADENS": "yes" if plan.broadens else "no",
    }
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
