"""The network: gateways, endpoints, addresses and the load balancer."""

from collections.abc import Iterator

from pipeline.costs.line import Bill, CostLine
from pipeline.costs.usage import HOURS

TYPES = {
    "AWS::EC2::NatGateway",
    "AWS::EC2::VPCEndpoint",
    "AWS::EC2::EIP",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
}


def network(bill: Bill) -> Iterator[CostLine]:
    """What it costs: most of it by the hour, used or not."""
    if gateways := len(bill.of("AWS::EC2::NatGateway")):
        yield bill.line("NAT gateways", "nat-gateway-hour", gateways * HOURS)
        yield bill.line("NAT gateways", "nat-gateway-gb", bill.usage.nat_gb)
    endpoints = [each for each in bill.of("AWS::EC2::VPCEndpoint") if each.get("VpcEndpointType") == "Interface"]
    if endpoints:
        zones = sum(len(endpoint["SubnetIds"]) for endpoint in endpoints)
        yield bill.line("Interface endpoints", "interface-endpoint-hour", zones * HOURS)
        yield bill.line("Interface endpoints", "interface-endpoint-gb", bill.usage.endpoint_gb)
    balancers = bill.of("AWS::ElasticLoadBalancingV2::LoadBalancer")
    if balancers:
        yield bill.line("Load balancer", "load-balancer-hour", len(balancers) * HOURS)
        yield bill.line("Load balancer", "load-balancer-lcu-hour", len(balancers) * bill.usage.lcus * HOURS)
    addresses = len(bill.of("AWS::EC2::EIP"))
    addresses += sum(len(each["Subnets"]) for each in balancers if each.get("Scheme") == "internet-facing")
    if addresses:
        yield bill.line("Public addresses", "public-ipv4-hour", addresses * HOURS)
