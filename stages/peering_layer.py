"""An environment's place in the chain of peerings: what it admits from the next one, and its way to the one before."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from payment_constructs.housekeeping import Housekeeping
from payment_constructs.peering import Peer, Peering
from payment_constructs.peering_admission import PeeringAdmission
from stages.environment import Environment
from stages.names import execution_role_name, payment_stack_name, peering_role_name, resource_name, role_arn
from stages.peers import Peers


class PeeringLayer(Construct):
    """Both ends, each only where the environment has a neighbour (docs/decisions/0005-peering-is-a-chain.md).

    Args:
        environment: Whose place it is.
        peers: Its neighbours.
        vpc: Its network.
        database: The security group of its database.
        housekeeping: Does on the earlier side what CloudFormation cannot.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        peers: Peers,
        vpc: ec2.Vpc,
        database: ec2.ISecurityGroup,
        housekeeping: Housekeeping,
    ) -> None:
        super().__init__(scope, construct_id)
        if following := peers.following:
            PeeringAdmission(
                self,
                "Admission",
                role_name=peering_role_name(environment, following),
                vpc=vpc,
                database=database,
                cidr=following.vpc_cidr if following.peers_with == environment.name else None,
                account=following.account,
                role_names=[execution_role_name(following), resource_name("housekeeping", following)],
            )
        if earlier := peers.earlier:
            Peering(
                self,
                "Link",
                vpc=vpc,
                cidr=environment.vpc_cidr,
                peer=Peer(
                    stack_name=payment_stack_name(earlier),
                    account=earlier.account,
                    region=earlier.primary_region,
                    cidr=earlier.vpc_cidr,
                    role_arn=role_arn(peering_role_name(earlier, environment), earlier),
                ),
                housekeeping=housekeeping,
            )
