"""The policies that are deployed in the emulated accounts: of roles, and of the resources that they use."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.implied import TRUSTED

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A deployed role."""

    arn: str
    policies: Mapping[str, Document]  # by name
    trust: Document
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that assumes a role, because a resource names the role."""

    name: str
    role: str
    resource: str
    region: str
    in_a_vpc: bool
    subnet: str  # of a function in a VPC, where its own template has the subnet


class Deployed:
    """What the accounts of a delivery have."""

    def __init__(self, emulator: Emulator, *, environments: Iterable[Environment], without: str) -> None:
        self._emulator, self._environments, self._without = emulator, sorted(set(environments)), without
        self._accounts = {each.account: each.region for each in self._environments}
        self._boundaries: dict[str, Document | None] = {}
        self._documents: dict[str, Document | None] = {}
        self._keys: dict[str, str] = {}

    def role(self, arn: str) -> Role | None:
        """A role of the accounts by its ARN; None if it does not exist."""
        return self._roles.get(arn)

    def boundary(self, role: str) -> Document | None:
        """The permissions boundary of a role; None where it has none."""
        if role not in self._boundaries:
            *_, account, path = role.split(":")
            iam = self._client("iam", account, self._accounts[account])
            found = iam.get_role(RoleName=path.rpartition("/")[2])["Role"].get("PermissionsBoundary")
            self._boundaries[role] = self._managed(found["PermissionsBoundaryArn"]) if found else None
        return self._boundaries[role]

    @cached_property
    def own_roles(self) -> list[str]:
        """The ARNs of the roles of every stack but that of the bootstrap."""
        return [
            f"arn:aws:iam::{environment.account}:role/{each['PhysicalResourceId']}"
            for environment, _, resources in self._stacks
            for each in resources.values()
            if each["ResourceType"] == "AWS::IAM::Role"
        ]

    @cached_property
    def services(self) -> list[Service]:
        """The services that assume roles of the stacks."""
        return [
            Service(
                name=TRUSTED[kind, path],
                role=f"arn:aws:iam::{environment.account}:role/{resources[role]['PhysicalResourceId']}",
                resource=resources[logical_id]["PhysicalResourceId"],
                region=environment.region,
                in_a_vpc="VpcConfig" in resource.get("Properties", {}),
                subnet=_subnet(resource.get("Properties", {}), resources),
            )
            for environment, template, resources in self._stacks
            for logical_id, resource in template["Resources"].items()
            for kind in [resource["Type"]]
            for path, role in _roles_in(resource.get("Properties", {}))
            if (kind, path) in TRUSTED and role in resources and logical_id in resources
        ]

    def endpoint_policies(self, role: str, *, service: str) -> list[Document]:
        """The policies of the endpoints of a service in the VPCs whose functions run in a role.

        A service whose endpoint has another name than its actions, such as CloudWatch, is not found.
        """
        return self._endpoints.get(role, {}).get(service, [])

    @cached_property
    def _endpoints(self) -> dict[str, dict[str, list[Document]]]:
        """By role, then by service."""
        found: dict[str, dict[str, list[Document]]] = {}
        for each in self.services:
            if each.subnet:
                client = self._client("ec2", each.role.split(":")[4], each.region)
                (subnet,) = client.describe_subnets(SubnetIds=[each.subnet])["Subnets"]
                for endpoint in client.describe_vpc_endpoints()["VpcEndpoints"]:
                    policy, service = endpoint.get("PolicyDocument"), endpoint["ServiceName"].split(".")[3]
                    if policy and endpoint["VpcId"] == subnet["VpcId"]:
                        found.setdefault(each.role, {}).setdefault(service, []).append(_document(policy))
        return found

    @cached_property
    def _stacks(self) -> list[tuple[Environment, Document, Mapping[str, Any]]]:
        """Of each stack the environment, the template, and the resources by their logical ids."""
        found: list[tuple[Environment, Document, Mapping[str, Any]]] = []
        for environment in self._environments:
            client = self._client("cloudformation", environment.account, environment.region)
            for page in client.get_paginator("describe_stacks").paginate():
                for stack in page["Stacks"]:
                    name = stack["StackName"]
                    if name != self._without and "DELETE" not in stack["StackStatus"]:
                        resources = client.describe_stack_resources(StackName=name)["StackResources"]
                        template = _document(client.get_template(StackName=name)["TemplateBody"])
                        found.append((environment, template, {each["LogicalResourceId"]: each for each in resources}))
        return found

    @cached_property
    def _buckets(self) -> dict[str, str]:
        """The account of each bucket."""
        return {
            bucket["Name"]: account
            for account, region in self._accounts.items()
            for bucket in self._client("s3", account, region).list_buckets()["Buckets"]
        }

    def owner(self, resource: str, *, caller: str) -> str:
        """The account of a resource, that of the caller where the ARN has none."""
        if resource.startswith("arn:aws:s3:::"):
            return self._buckets.get(resource.removeprefix("arn:aws:s3:::").partition("/")[0], caller)
        return (resource.split(":")[4:5] or [""])[0] or caller

    def is_deleted(self, resource: str) -> bool:
        """Whether a bucket does not exist any more: its policy, which may have allowed a call, went with it."""
        bucket = resource.removeprefix("arn:aws:s3:::").partition("/")[0]
        return resource.startswith("arn:aws:s3:::") and bucket not in self._buckets

    def resource_policy(self, resource: str, *, region: str) -> Document | None:
        """The policy of a resource; None where it has none."""
        service = (resource.split(":")[2:3] or [""])[0]
        name = resource.removeprefix("arn:aws:s3:::").partition("/")[0] if service == "s3" else resource
        if name not in self._documents:
            account = self.owner(resource, caller="")
            self._documents[name] = self._read_policy(service, name, account, region) if account else None
        return self._documents[name]

    def tags(self, resource: str, *, region: str) -> Mapping[str, str]:
        """The tags of a role or a secret, which policies may name; those of other resources are not read."""
        if role := self.role(resource):
            return role.tags
        account = self.owner(resource, caller="")
        if ":secret:" not in resource or account not in self._accounts:
            return {}
        with suppress(ClientError):  # of a secret that was deleted since
            secret = self._client("secretsmanager", account, region).describe_secret(SecretId=resource)
            return {tag["Key"]: tag["Value"] for tag in secret.get("Tags", [])}
        return {}

    def key(self, resource: str, *, region: str) -> str:
        """The ARN of the customer-managed key that encrypts a resource; empty where there is none."""
        service, account = resource.split(":")[2], self.owner(resource, caller="")
        name = resource.partition("/")[0] if service == "s3" else resource
        if name not in self._keys:
            self._keys[name] = ""
            with suppress(ClientError):  # of a resource that was deleted since
                client = self._client("kms", account, region)
                key = _key_of(service, name, self._client(service, account, region))
                metadata = client.describe_key(KeyId=key)["KeyMetadata"] if key else {}
                self._keys[name] = metadata["Arn"] if metadata.get("KeyManager") == "CUSTOMER" else ""
        return self._keys[name]

    @cached_property
    def _roles(self) -> dict[str, Role]:
        """The roles by their ARNs, as those of requests without their paths."""
        return {
            f"arn:aws:iam::{account}:role/{role['RoleName']}": Role(
                arn=role["Arn"],
                policies={
                    **{each["PolicyName"]: _document(each["PolicyDocument"]) for each in role["RolePolicyList"]},
                    **{
                        each["PolicyName"]: self._managed(each["PolicyArn"]) for each in role["AttachedManagedPolicies"]
                    },
                },
                trust=_document(role["AssumeRolePolicyDocument"]),
                tags={tag["Key"]: tag["Value"] for tag in role["Tags"]},
            )
            for account, details in self._details.items()
            for role in details["RoleDetailList"]
        }

    @cached_property
    def _details(self) -> dict[str, Mapping[str, Any]]:
        """What IAM has in each account."""
        return {
            account: self._client("iam", account, region).get_account_authorization_details()
            for account, region in self._accounts.items()
        }

    @cached_property
    def _managed_policies(self) -> dict[str, Document]:
        """The managed policies of the accounts by their ARNs."""
        return {
            policy["Arn"]: _document(version["Document"])
            for details in self._details.values()
            for policy in details["Policies"]
            for version in policy["PolicyVersionList"]
            if version["IsDefaultVersion"]
        }

    def _managed(self, arn: str) -> Document:
        """A managed policy; of AWS's own the engine knows the document."""
        return {"managed": arn} if arn.startswith("arn:aws:iam::aws:") else self._managed_policies[arn]

    def _read_policy(self, service: str, name: str, account: str, region: str) -> Document | None:
        if service == "iam":
            role = self.role(name) if ":role/" in name else None
            return role.trust if role else None
        readers: dict[str, Callable[[Any], Any]] = {
            "s3": lambda client: client.get_bucket_policy(Bucket=name)["Policy"],
            "kms": lambda client: client.get_key_policy(KeyId=name, PolicyName="default")["Policy"],
            "lambda": lambda client: client.get_policy(FunctionName=name)["Policy"],
            "secretsmanager": lambda client: client.get_resource_policy(SecretId=name).get("ResourcePolicy"),
            "sns": lambda client: client.get_topic_attributes(TopicArn=name)["Attributes"].get("Policy"),
            "sqs": lambda client: _queue(client, name)["Attributes"].get("Policy"),
        }
        if service not in readers:
            return None
        try:
            found = readers[service](self._client(service, account, name.split(":")[3] if ":" in name else region))
        except ClientError:
            return None
        return _document(found) if found else None

    def _client(self, service: str, account: str, region: str) -> Any:
        return self._emulator.client(service, account=account, region=region)


def _key_of(service: str, resource: str, client: Any) -> str:
    """The key that a resource names, if it names one."""
    match service:
        case "s3":
            bucket = resource.removeprefix("arn:aws:s3:::")
            rules = client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
            found = rules[0]["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID")
        case "sqs":
            found = _queue(client, resource)["Attributes"].get("KmsMasterKeyId")
        case "sns":
            found = client.get_topic_attributes(TopicArn=resource)["Attributes"].get("KmsMasterKeyId")
        case "secretsmanager":
            found = client.describe_secret(SecretId=resource).get("KmsKeyId")
        case _:  # dynamodb
            table = client.describe_table(TableName=resource.rpartition("/")[2])["Table"]
            found = table.get("SSEDescription", {}).get("KMSMasterKeyArn")
    return str(found or "")


def _queue(client: Any, arn: str) -> Mapping[str, Any]:
    url = client.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    found: Mapping[str, Any] = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return found


def _document(value: Any) -> Document:
    document: Document = json.loads(value) if isinstance(value, str) else value
    return document


def _subnet(properties: Mapping[str, Any], resources: Mapping[str, Any]) -> str:
    """The first subnet of a function that is a resource of its own template."""
    named = properties.get("VpcConfig", {}).get("SubnetIds", [])
    found = (resources.get(each.get("Ref", "")) for each in named if isinstance(each, dict))
    return next((str(each["PhysicalResourceId"]) for each in found if each), "")


def _roles_in(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The path and the logical id of everything whose ARN a property names."""
    match value:
        case {"Fn::GetAtt": [str(logical_id), "Arn"]}:
            yield path, logical_id
        case dict():
            for key, each in value.items():
                yield from _roles_in(each, f"{path}.{key}" if path else key)
        case list():
            for each in value:
                yield from _roles_in(each, path)
