"""Requests to run a statement on the database of Prod: only the break-glass role's may be allowed."""

from stages.names import DATABASE_ACCESS, payment_stack_name, resource_name
from tests.policy.callers import (
    APPROVING,
    ASSETS,
    BREAK_GLASS,
    CLOUDFORMATION,
    COMMIT,
    DEPLOYMENT,
    FREE,
    GUARD,
    PERSON,
    PIPELINE,
    PLAN,
    PROD,
    READER,
    RECORDER,
    REGION,
    SELF_MUTATION,
    SYNTH,
    TOOLING_BREAK_GLASS,
    TOOLING_COMMIT,
    VERIFIER,
    Caller,
    Case,
)

_DENIAL = {"stack": payment_stack_name(PROD), "name": resource_name(f"no-{DATABASE_ACCESS}", PROD)}
PROD_PERSON = Caller(
    name="an administrator of Prod without database access",
    principal=lambda policies: policies.with_policy(policies.administrator(PROD.account, "Administrator"), **_DENIAL),
)
BOUND_BREAK_GLASS = Caller(
    name="the break-glass role of Prod, with the denial",
    principal=lambda policies: policies.with_policy(
        policies.administrator(PROD.account, PROD.break_glass_role), **_DENIAL
    ),
)
PROD_COMMIT = Caller(
    name="a task or another role of Prod", principal=lambda policies: policies.created_by_a_commit(PROD.account)
)
PROD_CLOUDFORMATION = Caller(
    name="CloudFormation in Prod", principal=lambda policies: policies.cloudformation(PROD.account, REGION)
)
_INVOKE = "lambda:InvokeFunction"
_ACCESS = f"arn:aws:lambda:{REGION}:{PROD.account}:function:{resource_name(DATABASE_ACCESS, PROD)}"
_PEOPLE = f"arn:aws:rds-db:{REGION}:{PROD.account}:dbuser:cluster-ABC/payment_people_write"
ASKING_THE_DATABASE = [
    *(
        Case(caller=caller, action=_INVOKE, resource=function)
        for caller in (PROD_COMMIT, PROD_CLOUDFORMATION, PROD_PERSON, READER)
        for function in (_ACCESS, f"{_ACCESS}:1")
    ),
    # No role of another account, with whatever permissions there.
    *(
        Case(caller=caller, action=_INVOKE, resource=_ACCESS)
        for caller in (
            *(PIPELINE, SYNTH, SELF_MUTATION, ASSETS, GUARD, PLAN, RECORDER, VERIFIER, TOOLING_COMMIT, DEPLOYMENT),
            *(PERSON, APPROVING, FREE, TOOLING_BREAK_GLASS, COMMIT, CLOUDFORMATION),
        )
    ),
    *(
        Case(caller=PROD_PERSON, action=f"lambda:{call}", resource=_ACCESS)
        for call in ("UpdateFunctionCode", "AddPermission", "CreateFunctionUrlConfig")
    ),
    Case(caller=PROD_PERSON, action="rds-db:connect", resource=_PEOPLE),
]

ASKING_ALLOWED = [Case(caller=caller, action=_INVOKE, resource=_ACCESS) for caller in (BREAK_GLASS, BOUND_BREAK_GLASS)]
