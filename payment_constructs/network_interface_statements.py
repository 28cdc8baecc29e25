"""What a function in a network needs for its interfaces."""

from aws_cdk import aws_iam as iam


def network_interface_statements() -> list[iam.PolicyStatement]:
    """What Lambda does in the role's name so that the function stands in the network, and the function itself may not.

    Calls of a function's code carry the key ``lambda:SourceFunctionArn``, and Lambda's own do not.
    """
    actions = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ]
    by_code = {"Null": {"lambda:SourceFunctionArn": "false"}}
    return [
        iam.PolicyStatement(actions=actions, resources=["*"]),
        iam.PolicyStatement(effect=iam.Effect.DENY, actions=actions, resources=["*"], conditions=by_code),
    ]
