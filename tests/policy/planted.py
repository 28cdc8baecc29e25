"""For each rule, planted violations: the clean template with one fault, and the location of the expected finding."""

from typing import Any

from tests.policy.clean import (
    AUDIT_BUCKETS,
    BROADENS,
    CONTAINER,
    DATABASE,
    DELIVERY,
    DIGEST,
    FIREWALL,
    GROUPS,
    KEY,
    LISTENER,
    LOG_GROUP,
    MANAGED_RULES,
    NAMED,
    PUBLISHER,
    PUBLISHING_ROLE,
    RETAINED,
    STATEFUL,
    SUBNETS,
    TASK,
    WINDOW,
    Resources,
    action,
    changed,
    condition,
    deploying,
    gated,
    resource,
    without,
)

UNKNOWN = {"Ref": "SomeParameter"}
PUBLISHING = PUBLISHER["Publisher"]["Properties"]["PolicyDocument"]
DEPLOY_ROLE = "arn:aws:iam::444444444444:role/cdk-x-deploy-role-444444444444-us-west-2"
FORWARD = [{"Type": "forward"}]
TO_HTTP = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTP"}}


def acl(**rule: Any) -> Resources:
    return changed(FIREWALL, "Acl", Rules=[{"Name": "Planted", **rule}])


def overridden(**statement: Any) -> Resources:
    group = {"ManagedRuleGroupStatement": MANAGED_RULES["ManagedRuleGroupStatement"] | statement}
    return acl(Statement=group, OverrideAction={"None": {}})


def container(**properties: Any) -> Resources:
    return changed(TASK, "Task", ContainerDefinitions=[CONTAINER | properties])


def locked(**retention: Any) -> Resources:
    return changed(AUDIT_BUCKETS, "Audit", ObjectLockConfiguration={"Rule": {"DefaultRetention": retention}})


def inbound(**rule: Any) -> Resources:
    return changed(GROUPS, "Service", SecurityGroupIngress=[rule])


def outbound(**rule: Any) -> Resources:
    return changed(GROUPS, "Service", SecurityGroupEgress=[rule])


def tcp(port: Any, **peer: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peer}


def with_stage(name: str, **changes: Any) -> Resources:
    """The pipeline with other values in one stage; a value of None removes the key."""
    stages = [
        {key: value for key, value in (stage | changes).items() if value is not None}
        if stage["Name"] == name
        else stage
        for stage in DELIVERY["Delivery"]["Properties"]["Stages"]
    ]
    return changed(DELIVERY, "Delivery", Stages=stages)


def without_stages(*names: str) -> Resources:
    stages = [stage for stage in DELIVERY["Delivery"]["Properties"]["Stages"] if stage["Name"] not in names]
    return changed(DELIVERY, "Delivery", Stages=stages)


def in_order(*names: str) -> Resources:
    stages = {stage["Name"]: stage for stage in DELIVERY["Delivery"]["Properties"]["Stages"]}
    return changed(DELIVERY, "Delivery", Stages=[stages[name] for name in names])


def renamed_stage() -> Resources:
    """The pipeline with a stage of another name that deploys Prod without an approval."""
    stages = DELIVERY["Delivery"]["Properties"]["Stages"]
    return changed(DELIVERY, "Delivery", Stages=[*stages[:4], deploying("Prod") | {"Name": "Early"}])


def with_action(name: str, **changes: Any) -> list[dict[str, Any]]:
    """The actions of Prod with other values in one action; an empty name removes the action."""
    actions = [
        declared | changes if declared["Name"] == name else declared for declared in deploying("Prod")["Actions"]
    ]
    return [declared for declared in actions if declared["Name"]]


def publisher(statements: list[dict[str, Any]]) -> Resources:
    return changed(PUBLISHER, "Publisher", PolicyDocument={"Statement": statements})


def assuming(role: Any) -> Resources:
    """The role that publishes assets, with one more role to assume."""
    assume, *others = PUBLISHING["Statement"]
    return publisher([assume | {"Resource": [*assume["Resource"], role]}, *others])


def with_configuration(name: str, **configuration: str) -> Resources:
    (declared,) = (each for each in deploying("Prod")["Actions"] if each["Name"] == name)
    return with_stage("Prod", Actions=with_action(name, Configuration=declared["Configuration"] | configuration))


def alarm_and_window(result: str) -> dict[str, Any]:
    """A condition with an alarm and a window."""
    rules = [
        rule
        for declared in (WINDOW, condition(result, "CloudWatchAlarm", AlarmName="payment-gate-prod"))
        for rule in declared["Conditions"][0]["Rules"]
    ]
    return {"Conditions": [{"Result": result, "Rules": rules}]}


# Locations of findings.
INBOUND = "Service.Properties.SecurityGroupIngress.0"
OUTBOUND = "Service.Properties.SecurityGroupEgress.0"
ROUTE_TABLE = "Isolated.AWS::EC2::SubnetRouteTableAssociation.RouteTableId"
CONTAINER_0 = "Task.Properties.ContainerDefinitions.0"
FORCE_SSL = "Group.Properties.Parameters.rds.force_ssl"
ASSOCIATION = "Balancer.AWS::WAFv2::WebACLAssociation.ResourceArn"
RULE = "Acl.Properties.Rules.0"
DEV, STAGING, PROD = (f"Delivery.Properties.Stages.{index}" for index in (1, 3, 5))
DEPLOY = f"{PROD}.Actions.2.Configuration.ActionMode"
RETENTION = "Audit.Properties.ObjectLockConfiguration.Rule.DefaultRetention"

PLANTED: dict[str, list[tuple[Resources, str]]] = {
    "PCI-1.3.1-IngressNamed": [
        (inbound(**tcp(8080, CidrIp="0.0.0.0/0")), f"{INBOUND}.CidrIp"),
        (inbound(**tcp(22, CidrIpv6="::/0")), f"{INBOUND}.CidrIpv6"),
        (inbound(**tcp(22, CidrIp="128.0.0.0/1")), f"{INBOUND}.CidrIp"),
        (inbound(IpProtocol="tcp", FromPort=443, ToPort=8443, CidrIp="0.0.0.0/0"), f"{INBOUND}.CidrIp"),
        (inbound(IpProtocol="-1", CidrIp="0.0.0.0/0"), f"{INBOUND}.CidrIp"),
        (inbound(**tcp(8080, CidrIp=UNKNOWN)), f"{INBOUND}.CidrIp"),
        (inbound(**tcp(UNKNOWN, CidrIp="0.0.0.0/0")), f"{INBOUND}.CidrIp"),
        (changed(GROUPS, "Ingress", SourceSecurityGroupId=None, CidrIp="0.0.0.0/0"), "Ingress.Properties.CidrIp"),
        (changed(GROUPS, "Service", SecurityGroupIngress=UNKNOWN), "Service.Properties.SecurityGroupIngress"),
        (changed(GROUPS, "Service", SecurityGroupIngress=[UNKNOWN]), INBOUND),
    ],
    "PCI-1.3.2-EgressNamed": [
        (outbound(IpProtocol="-1", CidrIp="0.0.0.0/0"), f"{OUTBOUND}.CidrIp"),
        (outbound(IpProtocol="-1", CidrIpv6="::/0"), f"{OUTBOUND}.CidrIpv6"),
        (outbound(IpProtocol="tcp", FromPort=1, ToPort=65535, CidrIp="0.0.0.0/0"), f"{OUTBOUND}.CidrIp"),
        (outbound(IpProtocol="-1", CidrIp=UNKNOWN), f"{OUTBOUND}.CidrIp"),
        (outbound(IpProtocol=UNKNOWN, CidrIp="0.0.0.0/0"), f"{OUTBOUND}.CidrIp"),
        (changed(GROUPS, "Service", SecurityGroupEgress=None), "Service.Properties.SecurityGroupEgress"),
        (without(GROUPS, "Egress"), "Balancer.Properties.SecurityGroupEgress"),
        (changed(GROUPS, "Egress", GroupId=UNKNOWN), "Balancer.Properties.SecurityGroupEgress"),
        (changed(GROUPS, "Service", SecurityGroupEgress=[]), "Service.Properties.SecurityGroupEgress"),
        (changed(GROUPS, "Service", SecurityGroupEgress=UNKNOWN), "Service.Properties.SecurityGroupEgress"),
        (
            changed(GROUPS, "Egress", IpProtocol="-1", DestinationSecurityGroupId=None, CidrIp="0.0.0.0/0"),
            "Egress.Properties.CidrIp",
        ),
    ],
    "PCI-1.4.4-NoRouteOut": [
        (changed(SUBNETS, "Route", RouteTableId={"Ref": "IsolatedTable"}), "Route.Properties.RouteTableId"),
        (changed(SUBNETS, "Route", RouteTableId=UNKNOWN), "Route.Properties.RouteTableId"),
        (without(SUBNETS, "IsolatedAssociation"), ROUTE_TABLE),
        (changed(SUBNETS, "IsolatedAssociation", RouteTableId=UNKNOWN), ROUTE_TABLE),
        (
            changed(SUBNETS, "Isolated", Tags=[{"Key": "aws-cdk:subnet-type", "Value": "Isolated"}])
            | {"Peering": resource("AWS::EC2::Route", RouteTableId={"Ref": "IsolatedTable"})},
            "Peering.Properties.RouteTableId",
        ),
    ],
    "PCI-2.2.6-ContainerConfined": [
        (container(User="root"), f"{CONTAINER_0}.User"),
        (container(User="0:0"), f"{CONTAINER_0}.User"),
        (changed(TASK, "Task", ContainerDefinitions=UNKNOWN), "Task.Properties.ContainerDefinitions"),
        (container(User=UNKNOWN), f"{CONTAINER_0}.User"),
        (
            changed(TASK, "Task", ContainerDefinitions=[{k: v for k, v in CONTAINER.items() if k != "User"}]),
            f"{CONTAINER_0}.User",
        ),
        (container(ReadonlyRootFilesystem=False), f"{CONTAINER_0}.ReadonlyRootFilesystem"),
        (container(Privileged=True), f"{CONTAINER_0}.Privileged"),
        (container(Privileged=UNKNOWN), f"{CONTAINER_0}.Privileged"),
    ],
    "PCI-2.2.6-UniqueNames": [
        (changed(NAMED, "Health", AlarmName="payment-one"), "Health.Properties.AlarmName"),
        (changed(NAMED, "Other", Name="payment-one"), "Other.Properties.Name"),
        (
            changed(NAMED, "Policy", PolicyDocument={"Statement": [{"Sid": "One"}, {"Sid": "One"}]}),
            "Policy.Properties.PolicyDocument.Statement.1.Sid",
        ),
        (
            changed(NAMED, "Key", KeyPolicy={"Statement": [{"Sid": "One"}, {}, {"Sid": "One"}]}),
            "Key.Properties.KeyPolicy.Statement.2.Sid",
        ),
    ],
    "PCI-3.7.4-KeyRotation": [
        (changed(KEY, "Key", EnableKeyRotation=None), "Key.Properties.EnableKeyRotation"),
        (changed(KEY, "Key", EnableKeyRotation=UNKNOWN), "Key.Properties.EnableKeyRotation"),
        (changed(KEY, "Key", RotationPeriodInDays=366), "Key.Properties.RotationPeriodInDays"),
        (changed(KEY, "Key", KeySpec="RSA_2048"), "Key.Properties.KeySpec"),
    ],
    "PCI-4.2.1-TlsListeners": [
        (changed(LISTENER, "Listener", SslPolicy="ELBSecurityPolicy-2016-08"), "Listener.Properties.SslPolicy"),
        (changed(LISTENER, "Listener", SslPolicy=None), "Listener.Properties.SslPolicy"),
        (changed(LISTENER, "Listener", SslPolicy=UNKNOWN), "Listener.Properties.SslPolicy"),
        (changed(LISTENER, "Redirect", DefaultActions=[]), "Redirect.Properties.DefaultActions"),
        (changed(LISTENER, "Redirect", DefaultActions=FORWARD), "Redirect.Properties.DefaultActions.0.Type"),
        (
            changed(
                LISTENER, "Redirect", DefaultActions=[{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTP"}}]
            ),
            "Redirect.Properties.DefaultActions.0.RedirectConfig.Protocol",
        ),
        (changed(without(LISTENER, "Path"), "Listener", Protocol="TCP"), "Listener.Properties.Protocol"),
        (changed(LISTENER, "Path", ListenerArn={"Ref": "Redirect"}), "Path.Properties.Actions.0.Type"),
        (changed(LISTENER, "Path", ListenerArn=UNKNOWN), "Path.Properties.Actions.0.Type"),
        (
            {"Old": resource("AWS::ElasticLoadBalancing::LoadBalancer", Listeners=[{"Protocol": "HTTPS"}])},
            "Old.Properties.Listeners",
        ),
    ],
    "PCI-4.2.1-DatabaseTls": [
        (changed(DATABASE, "Group", Parameters={"rds.force_ssl": "0"}), FORCE_SSL),
        (changed(DATABASE, "Group", Parameters={}), FORCE_SSL),
        (changed(DATABASE, "Group", Parameters={"rds.force_ssl": UNKNOWN}), FORCE_SSL),
        (
            changed(DATABASE, "Cluster", DBClusterParameterGroupName="default.aurora-postgresql17"),
            "Cluster.Properties.DBClusterParameterGroupName",
        ),
        (changed(DATABASE, "Cluster", Engine="aurora-mysql"), "Cluster.Properties.Engine"),
        (changed(DATABASE, "Writer", DBClusterIdentifier=None), "Writer.Properties.DBParameterGroupName"),
    ],
    "PCI-6.4.2-FirewallAssociated": [
        (without(FIREWALL, "Association"), ASSOCIATION),
        (without(changed(FIREWALL, "Balancer", Scheme=None), "Association"), ASSOCIATION),
        (changed(FIREWALL, "Association", WebACLArn=UNKNOWN), ASSOCIATION),
    ],
    "PCI-6.4.2-FirewallBlocks": [
        (acl(Statement={}, Action={"Count": {}}), f"{RULE}.Action"),
        (acl(Statement={}, Action={"Allow": {}}), f"{RULE}.Action"),
        (acl(Statement=MANAGED_RULES, OverrideAction={"Count": {}}), f"{RULE}.OverrideAction"),
        (acl(Statement=MANAGED_RULES), f"{RULE}.OverrideAction"),
        (acl(Statement=UNKNOWN, Action={"Block": {}}), RULE),
        (changed(FIREWALL, "Acl", Rules=[]), "Acl.Properties.Rules"),
        (changed(FIREWALL, "Acl", Rules=UNKNOWN), "Acl.Properties.Rules"),
        (
            overridden(ExcludedRules=[{"Name": "SizeRestrictions_BODY"}]),
            f"{RULE}.Statement.ManagedRuleGroupStatement.ExcludedRules",
        ),
        (
            overridden(RuleActionOverrides=[{"Name": "CrossSiteScripting_BODY", "ActionToUse": {"Count": {}}}]),
            f"{RULE}.Statement.ManagedRuleGroupStatement.RuleActionOverrides.0.ActionToUse",
        ),
    ],
    "PCI-6.5.1-ImageByDigest": [
        (container(Image="nginx:latest"), f"{CONTAINER_0}.Image"),
        (container(Image=f"nginx@{DIGEST[:-1]}"), f"{CONTAINER_0}.Image"),
        (container(Image=UNKNOWN), f"{CONTAINER_0}.Image"),
        (container(Image={"Fn::Join": ["", ["nginx@", UNKNOWN]]}), f"{CONTAINER_0}.Image"),
    ],
    "PCI-6.5.1-ReleasesQueued": [
        (changed(DELIVERY, "Delivery", PipelineType=None), "Delivery.Properties.PipelineType"),
        (changed(DELIVERY, "Delivery", ExecutionMode="SUPERSEDED"), "Delivery.Properties.ExecutionMode"),
        (changed(DELIVERY, "Delivery", ExecutionMode=None), "Delivery.Properties.ExecutionMode"),
        (changed(DELIVERY, "Delivery", RestartExecutionOnUpdate=False), "Delivery.Properties.RestartExecutionOnUpdate"),
    ],
    "PCI-6.5.1-ApprovedFirst": [
        (without_stages("ApproveProd"), "Delivery.Properties.Stages.4.Name"),
        (without_stages("ConfirmStaging"), "Delivery.Properties.Stages.2.Name"),
        (with_stage("ApproveProd", Actions=[action("Approve", "Build/CodeBuild", 1)]), f"{PROD}.Name"),
        (with_stage("ApproveProd", BeforeEntry=BROADENS), f"{PROD}.Name"),
        (in_order("Source", "Dev", "ConfirmStaging", "ApproveProd", "Staging", "Prod"), f"{PROD}.Name"),
        (
            with_stage(
                "ConfirmStaging",
                BeforeEntry=condition(
                    "SKIP", "VariableCheck", Variable="#{Plan.PLAN_BROADENS}", Value="yes", Operator="EQ"
                ),
            ),
            f"{STAGING}.Name",
        ),
        (
            with_stage("ConfirmStaging", BeforeEntry=condition("SKIP", "LambdaInvoke", FunctionName="Always")),
            f"{STAGING}.Name",
        ),
        (renamed_stage(), "Delivery.Properties.Stages.4.Name"),
    ],
    "PCI-6.5.1-ChangesGuarded": [
        (with_stage("Prod", Actions=with_action("Guard", Name="")), f"{PROD}.Actions.1.Configuration.ActionMode"),
        (with_stage("Prod", Actions=with_action("Guard", RunOrder=1)), DEPLOY),
        (with_stage("Prod", Actions=with_action("Guard", RunOrder=3)), DEPLOY),
        (with_configuration("Guard", UserParameters='{"stack": "Staging-Payment", "change_set": "Change"}'), DEPLOY),
        (with_configuration("Guard", UserParameters="Prod-Payment Change"), DEPLOY),
        (with_configuration("Deploy", ChangeSetName="Another"), DEPLOY),
        (with_configuration("Deploy", ActionMode="CREATE_UPDATE"), DEPLOY),
        ({"Nested": resource("AWS::CloudFormation::Stack", TemplateURL=UNKNOWN)}, "Nested.Properties.TemplateURL"),
        ({"Nested": resource("AWS::CloudFormation::StackSet")}, "Nested.Properties.TemplateURL"),
    ],
    "PCI-6.5.1-PublishersConfined": [
        (assuming(DEPLOY_ROLE), "Publisher.Properties.PolicyDocument.Statement.0.Resource.1"),
        (assuming({"Fn::GetAtt": ["Role", "Arn"]}), "Publisher.Properties.PolicyDocument.Statement.0.Resource.1"),
        (
            assuming({"Fn::Sub": PUBLISHING_ROLE.replace("444444444444", "999999999999")}),
            "Publisher.Properties.PolicyDocument.Statement.0.Resource.1",
        ),
        (publisher(PUBLISHING["Statement"][:2]), "Publisher.Properties.PolicyDocument.Statement.1.Action"),
    ],
    "PCI-6.5.1-StagesConditioned": [
        (with_stage("Dev", OnFailure=None), f"{DEV}.OnFailure.Result"),
        (with_stage("Prod", OnFailure={"Result": "RETRY"}), f"{PROD}.OnFailure.Result"),
        (with_stage("Staging", OnSuccess=None), f"{STAGING}.OnSuccess"),
        (
            with_stage("Staging", OnSuccess=condition("ROLLBACK", "CloudWatchAlarm", AlarmName="payment-gate-staging")),
            f"{STAGING}.OnSuccess",
        ),
        (with_stage("Staging", OnSuccess=gated("ROLLBACK", "dev")), f"{STAGING}.OnSuccess"),
        (with_stage("Staging", OnSuccess=gated("FAIL", "staging")), f"{STAGING}.OnSuccess"),
        (
            with_stage("Prod", OnSuccess=gated("FAIL", "prod")),
            f"{PROD}.OnSuccess",
        ),
        (with_stage("Prod", BeforeEntry=None), f"{PROD}.BeforeEntry"),
        (with_stage("Prod", BeforeEntry=alarm_and_window("FAIL")), f"{PROD}.BeforeEntry.Conditions"),
    ],
    "PCI-6.5.1-CreationRepeatable": [
        ({"Log": {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Retain"}}, "Log.DeletionPolicy"),
    ],
    "PCI-6.5.2-DeploymentsVerified": [
        (with_stage("Prod", Actions=with_action("Verify", Name="")), f"{PROD}.Name"),
        (with_stage("Prod", Actions=with_action("Verify", RunOrder=3)), f"{PROD}.Name"),
        (with_stage("Dev", Actions=deploying("Dev")["Actions"][:3]), f"{DEV}.Name"),
    ],
    "PCI-6.5.3-EnvironmentsApart": [
        (inbound(**tcp(5433, CidrIp="10.1.0.0/16")), f"{INBOUND}.CidrIp"),
        (inbound(**tcp(5433, CidrIp="10.0.4.0/24")), f"{INBOUND}.CidrIp"),
        (inbound(**tcp(5433, CidrIp="10.128.0.0/16")), f"{INBOUND}.CidrIp"),
        (inbound(**tcp(5433, CidrIp="10.0.0.0/8")), f"{INBOUND}.CidrIp"),
        (inbound(**tcp(5433, CidrIp=UNKNOWN)), f"{INBOUND}.CidrIp"),
        (inbound(**tcp(5433, SourceSecurityGroupId="sg-0123456789abcdef0")), f"{INBOUND}.SourceSecurityGroupId"),
        (inbound(**tcp(5433, SourcePrefixListId="pl-0123456789abcdef0")), f"{INBOUND}.SourcePrefixListId"),
        (changed(GROUPS, "Service", SecurityGroupIngress=UNKNOWN), "Service.Properties.SecurityGroupIngress"),
        (changed(GROUPS, "Ingress", GroupId=UNKNOWN), "Ingress.Properties.GroupId"),
    ],
    "PCI-10.3.2-AuditLogLocked": [
        (changed(AUDIT_BUCKETS, "Audit", ObjectLockEnabled=None), "Audit.Properties.ObjectLockEnabled"),
        (locked(Mode="GOVERNANCE", Days=400), f"{RETENTION}.Mode"),
        (locked(Mode="COMPLIANCE", Days=364), f"{RETENTION}.Days"),
        (locked(Mode="COMPLIANCE", Years=UNKNOWN), f"{RETENTION}.Years"),
        (changed(AUDIT_BUCKETS, "Audit", BucketName=UNKNOWN), "Audit.Properties.BucketName"),
    ],
    "PCI-10.5.1-LogRetention": [
        (changed(LOG_GROUP, "Log", RetentionInDays=365), "Log.Properties.RetentionInDays"),
        (changed(LOG_GROUP, "Log", RetentionInDays=UNKNOWN), "Log.Properties.RetentionInDays"),
        ({"Old": resource("Custom::LogRetention", RetentionInDays=30)}, "Old.Properties.RetentionInDays"),
    ],
    "PCI-10.5.1-DataRetained": [
        ({"Bucket": {"Type": "AWS::S3::Bucket", **RETAINED, "DeletionPolicy": "Delete"}}, "Bucket.DeletionPolicy"),
        ({"Bucket": {"Type": "AWS::S3::Bucket", **RETAINED, "DeletionPolicy": "Retain"}}, "Bucket.DeletionPolicy"),
        (
            {"Bucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "RetainExceptOnCreate"}},
            "Bucket.UpdateReplacePolicy",
        ),
        ({"Log": resource("AWS::Logs::LogGroup") | {"UpdateReplacePolicy": "Retain"}}, "Log.DeletionPolicy"),
        (changed(STATEFUL, "Cluster", DeletionProtection=None), "Cluster.Properties.DeletionProtection"),
        ({"Alone": {"Type": "AWS::RDS::DBInstance", **RETAINED}}, "Alone.Properties.DeletionProtection"),
        (changed(STATEFUL, "Table", Replicas=[{}]), "Table.Properties.Replicas.0.DeletionProtectionEnabled"),
        (changed(STATEFUL, "Balancer", LoadBalancerAttributes=None), "Balancer.Properties.LoadBalancerAttributes"),
    ],
}
