"""For each rule, a minimal template of the environment Prod without a finding."""

import json
from copy import deepcopy
from typing import Any

from payment_constructs.monitoring.gate import GATE_ALARMS

Resources = dict[str, Any]

RETAINED = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
DIGEST = "sha256:" + "0123456789abcdef" * 4


def resource(resource_type: str, **properties: Any) -> dict[str, Any]:
    return {"Type": resource_type, "Properties": properties}


def changed(resources: Resources, logical_id: str, **properties: Any) -> Resources:
    """The template with other properties on one resource; a value of None removes the property."""
    template = deepcopy(resources)
    template[logical_id]["Properties"].update(properties)
    for name in [name for name, value in properties.items() if value is None]:
        del template[logical_id]["Properties"][name]
    return template


def without(resources: Resources, logical_id: str) -> Resources:
    return {name: declared for name, declared in resources.items() if name != logical_id}


LISTENER = {
    "Listener": resource(
        "AWS::ElasticLoadBalancingV2::Listener",
        Protocol="HTTPS",
        Port=443,
        SslPolicy="ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
        DefaultActions=[{"Type": "fixed-response"}],
    ),
    "Redirect": resource(
        "AWS::ElasticLoadBalancingV2::Listener",
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "StatusCode": "HTTP_301"}}],
    ),
    "Path": resource(
        "AWS::ElasticLoadBalancingV2::ListenerRule", ListenerArn={"Ref": "Listener"}, Actions=[{"Type": "forward"}]
    ),
}
MANAGED_RULES = {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}}
FIREWALL = {
    "Balancer": resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Scheme="internet-facing"),
    "Acl": resource(
        "AWS::WAFv2::WebACL",
        DefaultAction={"Allow": {}},
        Rules=[
            {"Name": "Managed", "Statement": MANAGED_RULES, "OverrideAction": {"None": {}}},
            {"Name": "Rate", "Statement": {"RateBasedStatement": {"Limit": 100}}, "Action": {"Block": {}}},
        ],
    ),
    "Association": resource(
        "AWS::WAFv2::WebACLAssociation",
        ResourceArn={"Ref": "Balancer"},
        WebACLArn={"Fn::GetAtt": ["Acl", "Arn"]},
    ),
}
DATABASE = {
    "Cluster": resource(
        "AWS::RDS::DBCluster", Engine="aurora-postgresql", DBClusterParameterGroupName={"Ref": "Group"}
    ),
    "Group": resource("AWS::RDS::DBClusterParameterGroup", Parameters={"rds.force_ssl": "1"}),
    "Writer": resource("AWS::RDS::DBInstance", Engine="aurora-postgresql", DBClusterIdentifier={"Ref": "Cluster"}),
}
NO_TRAFFIC = {"CidrIp": "255.255.255.255/32", "IpProtocol": "icmp", "FromPort": 252, "ToPort": 86}
GROUPS = {
    "Vpc": resource("AWS::EC2::VPC", CidrBlock="10.2.0.0/16"),
    "Balancer": resource(
        "AWS::EC2::SecurityGroup",
        SecurityGroupIngress=[{"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}],
    ),
    "Database": resource("AWS::EC2::SecurityGroup", SecurityGroupEgress=[NO_TRAFFIC]),
    "Service": resource(
        "AWS::EC2::SecurityGroup",
        SecurityGroupEgress=[{"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}],
        SecurityGroupIngress=[
            {
                "CidrIp": {"Fn::GetAtt": ["Vpc", "CidrBlock"]},
                "IpProtocol": "tcp",
                "FromPort": 8080,
                "ToPort": 8080,
            }
        ],
    ),
    "Ingress": resource(
        "AWS::EC2::SecurityGroupIngress",
        GroupId={"Fn::GetAtt": ["Service", "GroupId"]},
        SourceSecurityGroupId={"Fn::GetAtt": ["Balancer", "GroupId"]},
        IpProtocol="tcp",
        FromPort=8080,
        ToPort=8080,
    ),
    "Egress": resource(
        "AWS::EC2::SecurityGroupEgress",
        GroupId={"Fn::GetAtt": ["Balancer", "GroupId"]},
        DestinationSecurityGroupId={"Fn::GetAtt": ["Service", "GroupId"]},
        IpProtocol="tcp",
        FromPort=8080,
        ToPort=8080,
    ),
}
NAME = {"Key": "Name", "Value": "Subnet"}
SUBNETS = {
    "Isolated": resource("AWS::EC2::Subnet", Tags=[{"Key": "aws-cdk:subnet-name", "Value": "Database"}, NAME]),
    "Private": resource("AWS::EC2::Subnet", Tags=[{"Key": "aws-cdk:subnet-name", "Value": "Private"}]),
    "IsolatedTable": resource("AWS::EC2::RouteTable"),
    "PrivateTable": resource("AWS::EC2::RouteTable"),
    "IsolatedAssociation": resource(
        "AWS::EC2::SubnetRouteTableAssociation", SubnetId={"Ref": "Isolated"}, RouteTableId={"Ref": "IsolatedTable"}
    ),
    "Route": resource("AWS::EC2::Route", RouteTableId={"Ref": "PrivateTable"}, NatGatewayId={"Ref": "Gateway"}),
}
CONTAINER = {
    "Image": f"registry.example/payments@{DIGEST}",
    "User": "10001:10001",
    "ReadonlyRootFilesystem": True,
}
TASK = {"Task": resource("AWS::ECS::TaskDefinition", ContainerDefinitions=[CONTAINER])}
LOCK = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 400}}
AUDIT_BUCKETS = {
    "Audit": resource(
        "AWS::S3::Bucket",
        BucketName="payment-audit-prod-444444444444-us-west-2",
        ObjectLockEnabled=True,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": LOCK},
    ),
    "AccessLogs": resource("AWS::S3::Bucket", BucketName="payment-access-logs-prod-444444444444-us-west-2"),
}
LOG_GROUP = {"Log": resource("AWS::Logs::LogGroup", RetentionInDays=400)}
KEY = {"Key": resource("AWS::KMS::Key", EnableKeyRotation=True, RotationPeriodInDays=365)}
STATEFUL = {
    "Queue": {"Type": "AWS::SQS::Queue", **RETAINED},
    "Cluster": resource("AWS::RDS::DBCluster", DeletionProtection=True)
    | {"DeletionPolicy": "Snapshot", "UpdateReplacePolicy": "Snapshot"},
    "Writer": resource("AWS::RDS::DBInstance", DBClusterIdentifier={"Ref": "Cluster"}),
    "Table": resource("AWS::DynamoDB::GlobalTable", Replicas=[{"DeletionProtectionEnabled": True}]) | RETAINED,
    "Balancer": resource(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        LoadBalancerAttributes=[{"Key": "deletion_protection.enabled", "Value": "true"}],
    ),
}


def action(name: str, kind: str, order: int, **configuration: str) -> dict[str, Any]:
    category, provider = kind.split("/")
    return {
        "Name": name,
        "ActionTypeId": {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"},
        "RunOrder": order,
        "Configuration": configuration,
    }


def condition(result: str, provider: str, **configuration: str) -> dict[str, Any]:
    kind = {"Category": "Rule", "Owner": "AWS", "Provider": provider, "Version": "1"}
    return {"Conditions": [{"Result": result, "Rules": [{"RuleTypeId": kind, "Configuration": configuration}]}]}


def gated(result: str, environment: str) -> dict[str, Any]:
    """A condition with a rule for each gate alarm of an environment."""
    names = [f"payment-{gate}-{environment}" for gate in GATE_ALARMS]
    rules = [condition(result, "CloudWatchAlarm", AlarmName=name)["Conditions"][0]["Rules"][0] for name in names]
    return {"Conditions": [{"Result": result, "Rules": rules}]}


def deploying(environment: str, **conditions: Any) -> dict[str, Any]:
    stack = f"{environment}-Payment"
    parameters = json.dumps({"stack": stack, "change_set": "Change"})
    changes = {"StackName": stack, "ChangeSetName": "Change"}
    return {
        "Name": environment,
        "Actions": [
            action("Prepare", "Deploy/CloudFormation", 1, **changes, ActionMode="CHANGE_SET_REPLACE"),
            action("Guard", "Invoke/Lambda", 2, FunctionName="Guard", UserParameters=parameters),
            action("Deploy", "Deploy/CloudFormation", 3, **changes, ActionMode="CHANGE_SET_EXECUTE"),
            action("Verify", "Build/CodeBuild", 4, ProjectName="Verify"),
        ],
        **conditions,
    }


def approving(name: str, **conditions: Any) -> dict[str, Any]:
    return {"Name": name, "Actions": [action(name, "Approval/Manual", 1)], **conditions}


BROADENS = condition("SKIP", "VariableCheck", Variable="#{Plan.PLAN_BROADENS}", Value="no", Operator="NE")
WINDOW = condition("FAIL", "DeploymentWindow", Cron="* * 9-16 ? * MON-THU *", TimeZone="Asia/Singapore")
DELIVERY = {
    "Delivery": resource(
        "AWS::CodePipeline::Pipeline",
        PipelineType="V2",
        ExecutionMode="QUEUED",
        RestartExecutionOnUpdate=True,
        Stages=[
            {"Name": "Source", "Actions": [action("Source", "Source/CodeCommit", 1)]},
            deploying("Dev", OnFailure={"Result": "RETRY"}),
            approving("ConfirmStaging", BeforeEntry=BROADENS),
            deploying(
                "Staging",
                OnFailure={"Result": "ROLLBACK"},
                OnSuccess=gated("ROLLBACK", "staging"),
            ),
            approving("ApproveProd"),
            deploying(
                "Prod",
                BeforeEntry=WINDOW,
                OnFailure={"Result": "ROLLBACK"},
                OnSuccess=gated("ROLLBACK", "prod"),
            ),
        ],
    )
}

NAMED = {
    "Alarm": resource("AWS::CloudWatch::Alarm", AlarmName="payment-one"),
    "Health": resource("AWS::CloudWatch::CompositeAlarm", AlarmName="payment-health"),
    "Parameter": resource("AWS::SSM::Parameter", Name="payment-one"),
    "Other": resource("AWS::SSM::Parameter", Name="payment-other"),
    "Policy": resource("AWS::SNS::TopicPolicy", PolicyDocument={"Statement": [{"Sid": "One"}, {"Sid": "Two"}, {}]}),
    "Key": resource("AWS::KMS::Key", KeyPolicy={"Statement": [{"Sid": "One"}, {}]}),
}

PUBLISHING_ROLE = "arn:${AWS::Partition}:iam::444444444444:role/cdk-x-file-publishing-role-444444444444-us-west-2"
PUBLISHER = {
    "Publisher": resource(
        "AWS::IAM::Policy",
        PolicyDocument={
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": [{"Fn::Sub": PUBLISHING_ROLE}]},
                {"Effect": "Allow", "Action": ["codebuild:StartBuild"], "Resource": "*"},
                {"Effect": "Deny", "Action": ["codebuild:StartBuild"], "Resource": "*"},
            ]
        },
    )
}

CLEAN: dict[str, Resources] = {
    "PCI-1.3.1-IngressNamed": GROUPS,
    "PCI-1.3.2-EgressNamed": GROUPS,
    "PCI-1.4.4-NoRouteOut": SUBNETS,
    "PCI-2.2.6-ContainerConfined": TASK,
    "PCI-2.2.6-UniqueNames": NAMED,
    "PCI-3.7.4-KeyRotation": KEY,
    "PCI-4.2.1-TlsListeners": LISTENER,
    "PCI-4.2.1-DatabaseTls": DATABASE,
    "PCI-6.4.2-FirewallAssociated": FIREWALL,
    "PCI-6.4.2-FirewallBlocks": FIREWALL,
    "PCI-6.5.1-ImageByDigest": TASK,
    "PCI-6.5.1-ReleasesQueued": DELIVERY,
    "PCI-6.5.1-ApprovedFirst": DELIVERY,
    "PCI-6.5.1-ChangesGuarded": DELIVERY,
    "PCI-6.5.1-PublishersConfined": PUBLISHER,
    "PCI-6.5.1-StagesConditioned": DELIVERY,
    "PCI-6.5.1-CreationRepeatable": STATEFUL,
    "PCI-6.5.2-DeploymentsVerified": DELIVERY,
    "PCI-6.5.3-EnvironmentsApart": GROUPS,
    "PCI-10.3.2-AuditLogLocked": AUDIT_BUCKETS,
    "PCI-10.5.1-LogRetention": LOG_GROUP,
    "PCI-10.5.1-DataRetained": STATEFUL,
}
