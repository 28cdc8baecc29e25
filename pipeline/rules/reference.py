"""What a reference refers to: a resource of the same template, or one that another stack of the assembly hands on."""

from pipeline.rules.resource import Resource
from pipeline.rules.template import Template

HANDED_ON = "AWS::SSM::Parameter"


def referent(template: Template, value: object) -> tuple[Template, Resource] | None:
    """The resource that a value stands for, with its template; None where the assembly does not tell.

    Follows ``Ref`` and ``Fn::GetAtt`` inside the template, and from one stack to another an SSM parameter, as a
    template's parameter or a dynamic reference, and ``Fn::GetStackOutput``.
    """
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]} if name in template.resources:
            return template, template.resources[name]
        case {"Ref": str(name)}:
            parameter = template.document.get("Parameters", {}).get(name, {})
            handed_on = str(parameter.get("Type", "")).startswith("AWS::SSM::Parameter::Value<")
            return _behind_parameter(template, parameter.get("Default")) if handed_on else None
        case str() if value.startswith("{{resolve:ssm:") and value.endswith("}}"):
            return _behind_parameter(template, value.removeprefix("{{resolve:ssm:").removesuffix("}}"))
        case {"Fn::GetStackOutput": {"StackName": str(stack), "OutputName": str(output)}}:
            return _behind_output(template, stack=stack, output=output)
        case _:
            return None


def _behind_parameter(template: Template, name: object) -> tuple[Template, Resource] | None:
    for other in template.assembly.values():
        for parameter in other.of_type(HANDED_ON):
            if name is not None and parameter.at("Name") == name:
                return _in_template(other, parameter.at("Value"))
    return None


def _behind_output(template: Template, *, stack: str, output: str) -> tuple[Template, Resource] | None:
    for other in template.assembly.values():
        # A stack in a Stage is called like both, PipelineStack/Dev/Payment becomes Dev-Payment.
        if "-".join(other.stack.split("/")[-2:]) == stack:
            return _in_template(other, other.document.get("Outputs", {}).get(output, {}).get("Value"))
    return None


def _in_template(template: Template, value: object) -> tuple[Template, Resource] | None:
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]} if name in template.resources:
            return template, template.resources[name]
        case _:
            return None
