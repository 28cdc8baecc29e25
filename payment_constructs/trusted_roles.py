"""Trust in roles that may not exist yet: by condition, because IAM refuses a principal that it cannot find."""

from aws_cdk import aws_iam as iam


def trusted_roles(*role_names: str, account: str) -> iam.IPrincipal:
    """These roles of an account, and nobody else there.

    Args:
        role_names: Their names; a role of that name is trusted from the moment that it is made.
        account: The account, which may be our own.
    """
    return iam.AccountPrincipal(account).with_conditions(
        {"ArnEquals": {"aws:PrincipalArn": [f"arn:aws:iam::{account}:role/{name}" for name in role_names]}}
    )
