"""Rule for names that must be unique in a stack: AWS overwrites the first resource of a name, or refuses the second."""

from collections.abc import Iterator

from pipeline.policy.rule import policy_rule
from pipeline.policy.template import Finding, Resource, Template

NAMED = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::CompositeAlarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::SSM::Parameter": "Name",
}
"""The property with the name."""

POLICIES = {
    "AWS::IAM::ManagedPolicy": "PolicyDocument",
    "AWS::IAM::Policy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
}
"""The property with the policy, whose statement ids must be unique."""


@policy_rule(
    "PCI-2.2.6-UniqueNames",
    description="No two alarms, dashboards or SSM parameters of a stack, and no two statements of a policy, have the "
    "same name.",
    fix="Give one of the two another name.",
    types=(*NAMED, *POLICIES),
)
def _check_names(template: Template) -> Iterator[Finding]:
    owners: dict[tuple[str, str], str] = {}
    for resource in template.of_type(*NAMED):
        path = NAMED[resource.type]
        if isinstance(name := resource.at(path), str):
            # Metric and composite alarms share their names.
            kind = resource.type.removesuffix("Alarm").removesuffix("Composite")
            owner = owners.setdefault((kind, name), resource.logical_id)
            if owner != resource.logical_id:
                yield _duplicate(resource, path, name=name, owner=owner)
    for resource in template.of_type(*POLICIES):
        first: dict[str, str] = {}
        for index, statement in enumerate(resource.items(POLICIES[resource.type], "Statement")):
            if isinstance(name := statement.at("Sid"), str):
                owner = first.setdefault(name, f"statement {index}")
                if owner != f"statement {index}":
                    yield _duplicate(statement, "Sid", name=name, owner=owner)


def _duplicate(resource: Resource, path: str, *, name: str, owner: str) -> Finding:
    """The finding, which names the first owner too."""
    location = resource.finding(path).location
    return Finding(logical_id=resource.logical_id, location=location, value=f"{name}, the name of {owner} too")
