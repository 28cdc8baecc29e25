"""The template of `cdk bootstrap` for each account of the delivery: that of the CDK CLI, but its roles trust few roles.

`make bootstrap` writes bootstrap/toolkit.json from the template of the pinned CLI.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from pipeline.settings import Delivery
from stages.names import ASSETS_ROLE, IMAGE_ASSETS_ROLE, PIPELINE_ROLE, SELF_MUTATION_ROLE

FILE = Path(__file__).parents[2] / "bootstrap" / "toolkit.json"
VARIANT = "Payment delivery: trusts exact roles"
"""Plain `cdk bootstrap` does not overwrite a stack of another variant than its own, and so never restores its trust."""

_TRUSTED = {
    "DeploymentActionRole": PIPELINE_ROLE,
    "FilePublishingRole": ASSETS_ROLE,
    "ImagePublishingRole": IMAGE_ASSETS_ROLE,
    "LookupRole": None,  # nothing looks up: the templates have no context from an account
}
"""The roles that identities assume, each with the role of the tooling account that assumes it in an environment."""
_ASSUMED_BY_A_SERVICE = "CloudFormationExecutionRole"
_PUBLISHING, _UNUSED = "FilePublishingRoleDefaultPolicy", "s3:DeleteObject*"
"""The publishing policy with a permission that cdk-assets does not use: it would hide that an asset was overwritten."""


def original() -> dict[str, Any]:
    """The template of the pinned CLI."""
    tools = Path(sys.executable).parent
    command = [str(tools / "node"), str(tools / "cdk"), "bootstrap", "--show-template", "--json", "--no-notices"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - the pinned CLI
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def template(original: Mapping[str, Any], delivery: Delivery) -> dict[str, Any]:
    """The template of the CLI with our trust policies, and without the deletion of assets.

    Raises:
        ValueError: If the CLI's template has other roles than those whose trust is decided here.
    """
    changed = deepcopy(dict(original))
    roles = {name: each for name, each in changed["Resources"].items() if each["Type"] == "AWS::IAM::Role"}
    if unknown := sorted(roles.keys() ^ {*_TRUSTED, _ASSUMED_BY_A_SERVICE}):
        raise ValueError(f"Decide in {Path(__file__).name} which roles may assume {', '.join(unknown)} of the CDK CLI.")
    changed["Parameters"]["BootstrapVariant"]["Default"] = VARIANT
    for name, trusted in _TRUSTED.items():
        statements = [_trust({"Ref": "AWS::AccountId"}, [_own(delivery.environments[0].break_glass_role)])]
        if trusted:
            # The second one is trusted in the tooling account only: elsewhere it is of no trusted account.
            pipeline = _trust({"Ref": "TrustedAccounts"}, [_of_tooling(trusted), _own(SELF_MUTATION_ROLE)])
            statements.append({"Fn::If": ["HasTrustedAccounts", pipeline, {"Ref": "AWS::NoValue"}]})
        roles[name]["Properties"]["AssumeRolePolicyDocument"] = {"Version": "2012-10-17", "Statement": statements}
    for statement in changed["Resources"][_PUBLISHING]["Properties"]["PolicyDocument"]["Statement"]:
        statement["Action"] = [action for action in statement["Action"] if action != _UNUSED]
    return changed


def text(original: Mapping[str, Any], delivery: Delivery) -> str:
    """The content of the file."""
    return json.dumps(template(original, delivery), indent=2) + "\n"


def _trust(account: Mapping[str, Any], roles: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Trusts roles of an account by their names: a role named as principal has to exist, and is bound to its id.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles
    """
    return {
        "Effect": "Allow",
        "Principal": {"AWS": account},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        # As in the CLI's template: no third party assumes these roles on behalf of another account.
        "Condition": {"ArnEquals": {"aws:PrincipalArn": list(roles)}, "Null": {"sts:ExternalId": "true"}},
    }


def _own(role: str) -> dict[str, Any]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{role}"}


def _of_tooling(role: str) -> dict[str, Any]:
    """A role of the account of `--trust`; with two accounts there, it is a role that does not exist."""
    account = {"Tooling": {"Fn::Join": ["", {"Ref": "TrustedAccounts"}]}}
    return {"Fn::Sub": [f"arn:${{AWS::Partition}}:iam::${{Tooling}}:role/{role}", account]}
