"""For each of our rules, the violations that it must find: the clean template with one thing wrong, and where."""

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
    KEPT,
    KEY,
    LISTENER,
    LOG_GROUP,
    MANAGED_RULES,
    STATEFUL,
    SUBNETS,
    TASK,
    WINDOW,
    Resources,
    action,
    changed,
    condition,
    deploying,
    resource,
    without,
)

UNKNOWN = {"Ref": "SomeParameter"}
FORWARD = [{"Type": "forward"}]


def acl(**rule: Any) -> Resources:
    return changed(FIREWALL, "Acl", Rules=[{"Name": "Planted", **rule}])


def overridden(**statement: Any) -> Resources:
    group = {"ManagedRuleGroupStatement": MANAGED_RULES["ManagedRuleGroupStatement"] | statement}
    return acl(Statement=group, OverrideAction={"None": {}})


def container(**properties: Any) -> Resources:
    return changed(TASK, "Task", ContainerDefinitions=[CONTAINER | properties])


def locked(**retention: Any) -> Resources:
    return changed(AUDIT_BUCKETS, "Audit", ObjectLockConfiguration={"Rule": {"DefaultRetention": retention}})


def admitting(**rule: Any) -> Resources:
    return changed(GROUPS, "Service", SecurityGroupIngress=[rule])


def reaching(**rule: Any) -> Resources:
    return changed(GROUPS, "Service", SecurityGroupEgress=[rule])


def tcp(port: Any, **peer: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peer}


def staged(name: str, **changes: Any) -> Resources:
    """The delivery with something else at one of its stages; what is None is taken away."""
    stages = [
        {key: value for key, value in (stage | changes).items() if value is not None}
        if stage["Name"] == name
        else stage
        for stage in DELIVERY["Delivery"]["Properties"]["Stages"]
    ]
    return changed(DELIVERY, "Delivery", Stages=stages)


def staged_without(*names: str) -> Resources:
    stages = [stage for stage in DELIVERY["Delivery"]["Properties"]["Stages"] if stage["Name"] not in names]
    return changed(DELIVERY, "Delivery", Stages=stages)


def ordered(*names: str) -> Resources:
    stages = {stage["Name"]: stage for stage in DELIVERY["Delivery"]["Properties"]["Stages"]}
    return changed(DELIVERY, "Delivery", Stages=[stages[name] for name in names])


def early() -> Resources:
    """Prod's stack, deployed in a stage that is called otherwise."""
    stages = DELIVERY["Delivery"]["Properties"]["Stages"]
    return changed(DELIVERY, "Delivery", Stages=[*stages[:4], deploying("Prod") | {"Name": "Early"}])


def acted(name: str, **changes: Any) -> list[dict[str, Any]]:
    """Prod's actions with other values at one of them; one without a name is taken away."""
    actions = [
        declared | changes if declared["Name"] == name else declared for declared in deploying("Prod")["Actions"]
    ]
    return [declared for declared in actions if declared["Name"]]


def executing(name: str, **configuration: str) -> Resources:
    (declared,) = (each for each in deploying("Prod")["Actions"] if each["Name"] == name)
    return staged("Prod", Actions=acted(name, Configuration=declared["Configuration"] | configuration))


def both(result: str) -> dict[str, Any]:
    """An alarm and a window in one condition."""
    rules = [
        rule
        for declared in (WINDOW, condition(result, "CloudWatchAlarm", AlarmName="payment-gate-prod"))
        for rule in declared["Conditions"][0]["Rules"]
    ]
    return {"Conditions": [{"Result": result, "Rules": rules}]}


PLANTED: dict[str, list[tuple[Resources, str]]] = {
    "PCI-1.3.1-IngressNamed": [
        (admitting(**tcp(8080, CidrIp="0.0.0.0/0")), "Service.Properties.SecurityGroupIngress.0.CidrIp"),
        (admitting(**tcp(22, CidrIpv6="::/0")), "Service.Properties.SecurityGroupIngress.0.CidrIpv6"),
        (admitting(**tcp(22, CidrIp="128.0.0.0/1")), "Service.Properties.SecurityGroupIngress.0.CidrIp"),
        (
            admitting(IpProtocol="tcp", FromPort=443, ToPort=8443, CidrIp="0.0.0.0/0"),
            "Service.Properties.SecurityGroupIngress.0.CidrIp",
        ),
        (admitting(IpProtocol="-1", CidrIp="0.0.0.0/0"), "Service.Properties.SecurityGroupIngress.0.CidrIp"),
        (admitting(**tcp(8080, CidrIp=UNKNOWN)), "Service.Properties.SecurityGroupIngress.0.CidrIp"),
        (admitting(**tcp(UNKNOWN, CidrIp="0.0.0.0/0")), "Service.Properties.SecurityGroupIngress.0.CidrIp"),
        (changed(GROUPS, "Ingress", SourceSecurityGroupId=None, CidrIp="0.0.0.0/0"), "Ingress.Properties.CidrIp"),
        (changed(GROUPS, "Service", SecurityGroupIngress=UNKNOWN), "Service.Properties.SecurityGroupIngress"),
        (changed(GROUPS, "Service", SecurityGroupIngress=[UNKNOWN]), "Service.Properties.SecurityGroupIngress.0"),
    ],
    "PCI-1.3.2-EgressNamed": [
        (reaching(IpProtocol="-1", CidrIp="0.0.0.0/0"), "Service.Properties.SecurityGroupEgress.0.CidrIp"),
        (reaching(IpProtocol="-1", CidrIpv6="::/0"), "Service.Properties.SecurityGroupEgress.0.CidrIpv6"),
        (
            reaching(IpProtocol="tcp", FromPort=1, ToPort=65535, CidrIp="0.0.0.0/0"),
            "Service.Properties.SecurityGroupEgress.0.CidrIp",
        ),
        (reaching(IpProtocol="-1", CidrIp=UNKNOWN), "Service.Properties.SecurityGroupEgress.0.CidrIp"),
        (reaching(IpProtocol=UNKNOWN, CidrIp="0.0.0.0/0"), "Service.Properties.SecurityGroupEgress.0.CidrIp"),
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
        (
            without(SUBNETS, "IsolatedAssociation"),
            "Isolated.AWS::EC2::SubnetRouteTableAssociation.RouteTableId",
        ),
        (
            changed(SUBNETS, "IsolatedAssociation", RouteTableId=UNKNOWN),
            "Isolated.AWS::EC2::SubnetRouteTableAssociation.RouteTableId",
        ),
        (
            changed(SUBNETS, "Isolated", Tags=[{"Key": "aws-cdk:subnet-type", "Value": "Isolated"}])
            | {"Peering": resource("AWS::EC2::Route", RouteTableId={"Ref": "IsolatedTable"})},
            "Peering.Properties.RouteTableId",
        ),
    ],
    "PCI-2.2.6-ContainerConfined": [
        (container(User="root"), "Task.Properties.ContainerDefinitions.0.User"),
        (container(User="0:0"), "Task.Properties.ContainerDefinitions.0.User"),
        (changed(TASK, "Task", ContainerDefinitions=UNKNOWN), "Task.Properties.ContainerDefinitions"),
        (container(User=UNKNOWN), "Task.Properties.ContainerDefinitions.0.User"),
        (
            changed(TASK, "Task", ContainerDefinitions=[{k: v for k, v in CONTAINER.items() if k != "User"}]),
            "Task.Properties.ContainerDefinitions.0.User",
        ),
        (container(ReadonlyRootFilesystem=False), "Task.Properties.ContainerDefinitions.0.ReadonlyRootFilesystem"),
        (container(Privileged=True), "Task.Properties.ContainerDefinitions.0.Privileged"),
        (container(Privileged=UNKNOWN), "Task.Properties.ContainerDefinitions.0.Privileged"),
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
        (changed(LISTENER, "Away", DefaultActions=[]), "Away.Properties.DefaultActions"),
        (changed(LISTENER, "Away", DefaultActions=FORWARD), "Away.Properties.DefaultActions.0.Type"),
        (
            changed(LISTENER, "Away", DefaultActions=[{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTP"}}]),
            "Away.Properties.DefaultActions.0.RedirectConfig.Protocol",
        ),
        (changed(without(LISTENER, "Path"), "Listener", Protocol="TCP"), "Listener.Properties.Protocol"),
        (changed(LISTENER, "Path", ListenerArn={"Ref": "Away"}), "Path.Properties.Actions.0.Type"),
        (changed(LISTENER, "Path", ListenerArn=UNKNOWN), "Path.Properties.Actions.0.Type"),
        (
            {"Old": resource("AWS::ElasticLoadBalancing::LoadBalancer", Listeners=[{"Protocol": "HTTPS"}])},
            "Old.Properties.Listeners",
        ),
    ],
    "PCI-4.2.1-DatabaseTls": [
        (changed(DATABASE, "Group", Parameters={"rds.force_ssl": "0"}), "Group.Properties.Parameters.rds.force_ssl"),
        (changed(DATABASE, "Group", Parameters={}), "Group.Properties.Parameters.rds.force_ssl"),
        (
            changed(DATABASE, "Group", Parameters={"rds.force_ssl": UNKNOWN}),
            "Group.Properties.Parameters.rds.force_ssl",
        ),
        (
            changed(DATABASE, "Cluster", DBClusterParameterGroupName="default.aurora-postgresql17"),
            "Cluster.Properties.DBClusterParameterGroupName",
        ),
        (changed(DATABASE, "Cluster", Engine="aurora-mysql"), "Cluster.Properties.Engine"),
        (changed(DATABASE, "Writer", DBClusterIdentifier=None), "Writer.Properties.DBParameterGroupName"),
    ],
    "PCI-6.3.2-ImageByDigest": [
        (container(Image="nginx:latest"), "Task.Properties.ContainerDefinitions.0.Image"),
        (container(Image=f"nginx@{DIGEST[:-1]}"), "Task.Properties.ContainerDefinitions.0.Image"),
        (container(Image=UNKNOWN), "Task.Properties.ContainerDefinitions.0.Image"),
        (container(Image={"Fn::Join": ["", ["nginx@", UNKNOWN]]}), "Task.Properties.ContainerDefinitions.0.Image"),
    ],
    "PCI-6.4.2-FirewallAssociated": [
        (without(FIREWALL, "Association"), "Balancer.AWS::WAFv2::WebACLAssociation.ResourceArn"),
        (
            without(changed(FIREWALL, "Balancer", Scheme=None), "Association"),
            "Balancer.AWS::WAFv2::WebACLAssociation.ResourceArn",
        ),
        (
            changed(FIREWALL, "Association", WebACLArn=UNKNOWN),
            "Balancer.AWS::WAFv2::WebACLAssociation.ResourceArn",
        ),
    ],
    "PCI-6.4.2-FirewallBlocks": [
        (acl(Statement={}, Action={"Count": {}}), "Acl.Properties.Rules.0.Action"),
        (acl(Statement={}, Action={"Allow": {}}), "Acl.Properties.Rules.0.Action"),
        (acl(Statement=MANAGED_RULES, OverrideAction={"Count": {}}), "Acl.Properties.Rules.0.OverrideAction"),
        (acl(Statement=MANAGED_RULES), "Acl.Properties.Rules.0.OverrideAction"),
        (acl(Statement=UNKNOWN, Action={"Block": {}}), "Acl.Properties.Rules.0"),
        (changed(FIREWALL, "Acl", Rules=[]), "Acl.Properties.Rules"),
        (changed(FIREWALL, "Acl", Rules=UNKNOWN), "Acl.Properties.Rules"),
        (
            overridden(ExcludedRules=[{"Name": "SizeRestrictions_BODY"}]),
            "Acl.Properties.Rules.0.Statement.ManagedRuleGroupStatement.ExcludedRules",
        ),
        (
            overridden(RuleActionOverrides=[{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}]),
            "Acl.Properties.Rules.0.Statement.ManagedRuleGroupStatement.RuleActionOverrides.0.ActionToUse",
        ),
    ],
    "PCI-6.5.1-ReleasesQueued": [
        (changed(DELIVERY, "Delivery", PipelineType=None), "Delivery.Properties.PipelineType"),
        (changed(DELIVERY, "Delivery", ExecutionMode="SUPERSEDED"), "Delivery.Properties.ExecutionMode"),
        (changed(DELIVERY, "Delivery", ExecutionMode=None), "Delivery.Properties.ExecutionMode"),
        (changed(DELIVERY, "Delivery", RestartExecutionOnUpdate=False), "Delivery.Properties.RestartExecutionOnUpdate"),
    ],
    "PCI-6.5.1-ApprovedFirst": [
        (staged_without("ApproveProd"), "Delivery.Properties.Stages.4.Name"),
        (staged_without("ConfirmStaging"), "Delivery.Properties.Stages.2.Name"),
        (staged("ApproveProd", Actions=[action("Approve", "Build/CodeBuild", 1)]), "Delivery.Properties.Stages.5.Name"),
        (staged("ApproveProd", BeforeEntry=BROADENS), "Delivery.Properties.Stages.5.Name"),
        (
            ordered("Source", "Dev", "ConfirmStaging", "ApproveProd", "Staging", "Prod"),
            "Delivery.Properties.Stages.5.Name",
        ),
        (
            staged(
                "ConfirmStaging",
                BeforeEntry=condition(
                    "SKIP", "VariableCheck", Variable="#{Plan.PLAN_BROADENS}", Value="never", Operator="EQ"
                ),
            ),
            "Delivery.Properties.Stages.3.Name",
        ),
        (
            staged("ConfirmStaging", BeforeEntry=condition("SKIP", "LambdaInvoke", FunctionName="Always")),
            "Delivery.Properties.Stages.3.Name",
        ),
        # An environment's stack in a stage that is called otherwise.
        (early(), "Delivery.Properties.Stages.4.Name"),
    ],
    "PCI-6.5.1-ChangesGuarded": [
        (
            staged("Prod", Actions=acted("Guard", Name="")),
            "Delivery.Properties.Stages.5.Actions.1.Configuration.ActionMode",
        ),
        (
            staged("Prod", Actions=acted("Guard", RunOrder=1)),
            "Delivery.Properties.Stages.5.Actions.2.Configuration.ActionMode",
        ),
        (
            staged("Prod", Actions=acted("Guard", RunOrder=3)),
            "Delivery.Properties.Stages.5.Actions.2.Configuration.ActionMode",
        ),
        (
            executing("Guard", UserParameters='{"stack": "Staging-Payment", "change_set": "Change"}'),
            "Delivery.Properties.Stages.5.Actions.2.Configuration.ActionMode",
        ),
        (
            executing("Guard", UserParameters="Prod-Payment Change"),
            "Delivery.Properties.Stages.5.Actions.2.Configuration.ActionMode",
        ),
        (
            executing("Deploy", ChangeSetName="Another"),
            "Delivery.Properties.Stages.5.Actions.2.Configuration.ActionMode",
        ),
        (
            executing("Deploy", ActionMode="CREATE_UPDATE"),
            "Delivery.Properties.Stages.5.Actions.2.Configuration.ActionMode",
        ),
    ],
    "PCI-6.5.2-DeploymentsVerified": [
        (staged("Prod", Actions=acted("Verify", Name="")), "Delivery.Properties.Stages.5.Name"),
        (staged("Prod", Actions=acted("Verify", RunOrder=3)), "Delivery.Properties.Stages.5.Name"),
        (staged("Dev", Actions=deploying("Dev")["Actions"][:3]), "Delivery.Properties.Stages.1.Name"),
    ],
    "PCI-6.5.2-StagesConditioned": [
        (staged("Dev", OnFailure=None), "Delivery.Properties.Stages.1.OnFailure.Result"),
        (staged("Prod", OnFailure={"Result": "RETRY"}), "Delivery.Properties.Stages.5.OnFailure.Result"),
        (staged("Staging", OnSuccess=None), "Delivery.Properties.Stages.3.OnSuccess"),
        (
            staged("Staging", OnSuccess=condition("FAIL", "CloudWatchAlarm", AlarmName="payment-gate-dev")),
            "Delivery.Properties.Stages.3.OnSuccess",
        ),
        (
            staged("Prod", OnSuccess=condition("FAIL", "CloudWatchAlarm", AlarmName="payment-gate-prod")),
            "Delivery.Properties.Stages.5.OnSuccess",
        ),
        (staged("Prod", BeforeEntry=None), "Delivery.Properties.Stages.5.BeforeEntry"),
        (staged("Prod", BeforeEntry=both("FAIL")), "Delivery.Properties.Stages.5.BeforeEntry.Conditions"),
    ],
    "PCI-6.5.3-EnvironmentsApart": [
        (admitting(**tcp(5433, CidrIp="10.1.0.0/16")), "Service.Properties.SecurityGroupIngress.0.CidrIp"),
        (admitting(**tcp(5433, CidrIp="10.0.4.0/24")), "Service.Properties.SecurityGroupIngress.0.CidrIp"),
        (admitting(**tcp(5433, CidrIp="10.128.0.0/16")), "Service.Properties.SecurityGroupIngress.0.CidrIp"),
        (admitting(**tcp(5433, CidrIp="10.0.0.0/8")), "Service.Properties.SecurityGroupIngress.0.CidrIp"),
        (admitting(**tcp(5433, CidrIp=UNKNOWN)), "Service.Properties.SecurityGroupIngress.0.CidrIp"),
        (
            admitting(**tcp(5433, SourceSecurityGroupId="sg-0123456789abcdef0")),
            "Service.Properties.SecurityGroupIngress.0.SourceSecurityGroupId",
        ),
        (
            admitting(**tcp(5433, SourcePrefixListId="pl-0123456789abcdef0")),
            "Service.Properties.SecurityGroupIngress.0.SourcePrefixListId",
        ),
        (changed(GROUPS, "Service", SecurityGroupIngress=UNKNOWN), "Service.Properties.SecurityGroupIngress"),
        (changed(GROUPS, "Ingress", GroupId=UNKNOWN), "Ingress.Properties.GroupId"),
    ],
    "PCI-10.3.2-AuditLogLocked": [
        (changed(AUDIT_BUCKETS, "Audit", ObjectLockEnabled=None), "Audit.Properties.ObjectLockEnabled"),
        (
            locked(Mode="GOVERNANCE", Days=400),
            "Audit.Properties.ObjectLockConfiguration.Rule.DefaultRetention.Mode",
        ),
        (
            locked(Mode="COMPLIANCE", Days=364),
            "Audit.Properties.ObjectLockConfiguration.Rule.DefaultRetention.Days",
        ),
        (
            locked(Mode="COMPLIANCE", Years=UNKNOWN),
            "Audit.Properties.ObjectLockConfiguration.Rule.DefaultRetention.Years",
        ),
        (changed(AUDIT_BUCKETS, "Audit", BucketName=UNKNOWN), "Audit.Properties.BucketName"),
    ],
    "PCI-10.5.1-LogRetention": [
        (changed(LOG_GROUP, "Log", RetentionInDays=365), "Log.Properties.RetentionInDays"),
        (changed(LOG_GROUP, "Log", RetentionInDays=UNKNOWN), "Log.Properties.RetentionInDays"),
        ({"Old": resource("Custom::LogRetention", RetentionInDays=30)}, "Old.Properties.RetentionInDays"),
    ],
    "PCI-10.5.1-DataRetained": [
        ({"Bucket": {"Type": "AWS::S3::Bucket", **KEPT, "DeletionPolicy": "Delete"}}, "Bucket.DeletionPolicy"),
        ({"Bucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}}, "Bucket.UpdateReplacePolicy"),
        (changed(STATEFUL, "Cluster", DeletionProtection=None), "Cluster.Properties.DeletionProtection"),
        ({"Alone": {"Type": "AWS::RDS::DBInstance", **KEPT}}, "Alone.Properties.DeletionProtection"),
        (changed(STATEFUL, "Table", Replicas=[{}]), "Table.Properties.Replicas.0.DeletionProtectionEnabled"),
        (changed(STATEFUL, "Balancer", LoadBalancerAttributes=None), "Balancer.Properties.LoadBalancerAttributes"),
    ],
}
