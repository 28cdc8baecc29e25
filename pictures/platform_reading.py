"""Reads an environment's platform out of the templates of its two stacks."""

import json

from pictures.platform import Database, Network, Peer, Platform, Service, Watch
from pictures.stores_reading import days, stores
from tests.templates import Assembly


def platform(assembly: Assembly, name: str) -> Platform:
    """The platform of an environment of an assembly."""
    payment, recovery = f"{name}-Payment", f"{name}-DisasterRecovery"
    cluster = assembly.only(payment, "AWS::RDS::DBCluster")
    locks = (
        bucket.get("ObjectLockConfiguration") for bucket in assembly.resources(payment, "AWS::S3::Bucket").values()
    )
    retention = next(lock["Rule"]["DefaultRetention"] for lock in locks if lock)
    return Platform(
        name=name,
        region=assembly.stacks[payment].environment.region,
        recovery_region=assembly.stacks[recovery].environment.region,
        network=_network(assembly, payment),
        service=_service(assembly, payment),
        database=_database(assembly, payment),
        stores=tuple(stores(assembly, payment=payment, recovery=recovery)),
        peer=_peer(assembly, payment),
        watch=_watch(assembly, payment, gates=_gates(assembly, payment)),
        recovery_watch=_watch(assembly, recovery, gates=_gates(assembly, payment)),
        audit_lock=days(retention["Days"]),
        recoverable=days(cluster["BackupRetentionPeriod"]),
        protected=assembly.termination_protection(payment),
    )


def _network(assembly: Assembly, stack: str) -> Network:
    subnets = assembly.resources(stack, "AWS::EC2::Subnet")
    tags = ({tag["Key"]: tag["Value"] for tag in subnet["Tags"]} for subnet in subnets.values())
    gateways = assembly.resources(stack, "AWS::EC2::NatGateway").values()
    return Network(
        cidr=assembly.only(stack, "AWS::EC2::VPC")["CidrBlock"],
        zones=tuple(sorted({subnet["AvailabilityZone"] for subnet in subnets.values()})),
        tiers=tuple(dict.fromkeys(tag["aws-cdk:subnet-type"] for tag in tags)),
        nat_gateways=tuple(sorted(subnets[gateway["SubnetId"]["Ref"]]["AvailabilityZone"] for gateway in gateways)),
        endpoints=len(assembly.resources(stack, "AWS::EC2::VPCEndpoint")),
    )


def _service(assembly: Assembly, stack: str) -> Service:
    scaling = assembly.only(stack, "AWS::ApplicationAutoScaling::ScalableTarget")
    task = assembly.only(stack, "AWS::ECS::TaskDefinition")
    listeners = assembly.resources(stack, "AWS::ElasticLoadBalancingV2::Listener").values()
    return Service(
        listeners=tuple(sorted(f"{listener['Protocol']} on {listener['Port']}" for listener in listeners)),
        firewalls=len(assembly.resources(stack, "AWS::WAFv2::WebACLAssociation")),
        tasks=(scaling["MinCapacity"], scaling["MaxCapacity"]),
        size=f"{int(task['Cpu']) / 1024:g} vCPU, {int(task['Memory']) / 1024:g} GiB",
    )


def _database(assembly: Assembly, stack: str) -> Database:
    cluster = assembly.only(stack, "AWS::RDS::DBCluster")
    instances = sorted(
        assembly.resources(stack, "AWS::RDS::DBInstance").values(),
        key=lambda each: (each["PromotionTier"], json.dumps(each)),
    )
    roles = ["writer", *["reader"] * (len(instances) - 1)]
    return Database(
        engine=f"Aurora PostgreSQL {cluster['EngineVersion']}",
        instances=tuple((role, each["AvailabilityZone"]) for role, each in zip(roles, instances, strict=True)),
        instance_class=" and ".join(sorted({each["DBInstanceClass"] for each in instances})),
    )


def _peer(assembly: Assembly, stack: str) -> Peer | None:
    for link in assembly.resources(stack, "AWS::EC2::VPCPeeringConnection").values():
        other = link["PeerVpcId"]["Fn::GetStackOutput"]["StackName"]
        ours = assembly.only(stack, "AWS::EC2::VPC")["CidrBlock"]
        rules = assembly.resources(other, "AWS::EC2::SecurityGroupIngress").values()
        admitted = {rule["FromPort"] for rule in rules if rule.get("CidrIp") == ours}
        return Peer(name=other.partition("-")[0], ports=tuple(sorted(admitted)))
    return None


def _gates(assembly: Assembly, stack: str) -> frozenset[str]:
    """The alarms that a deployment of the service looks at."""
    deployments = (
        service["DeploymentConfiguration"] for service in assembly.resources(stack, "AWS::ECS::Service").values()
    )
    return frozenset(name for deployment in deployments for name in deployment.get("Alarms", {}).get("AlarmNames", []))


def _watch(assembly: Assembly, stack: str, *, gates: frozenset[str]) -> Watch:
    alarms = assembly.resources(stack, "AWS::CloudWatch::Alarm")
    names = [parameter["Name"] for parameter in assembly.resources(stack, "AWS::SSM::Parameter").values()]
    manifests = [name for name in names if name.endswith("/manifest")]
    return Watch(
        alarms=len(alarms) + len(assembly.resources(stack, "AWS::CloudWatch::CompositeAlarm")),
        gates=sum(alarm["AlarmName"] in gates for alarm in alarms.values()),
        dashboards=len(assembly.resources(stack, "AWS::CloudWatch::Dashboard")),
        keys=len(assembly.resources(stack, "AWS::KMS::Key")),
        parameters=len(names) - len(manifests),
        manifests=len(manifests),
    )
