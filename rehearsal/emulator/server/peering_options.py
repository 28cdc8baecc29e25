"""ModifyVpcPeeringConnectionOptions: an EC2 call that the emulator lacks. It is checked and written down, no more."""

from collections.abc import Callable, Container
from typing import Any
from xml.sax.saxutils import escape

from rehearsal.emulator.server.recorded import keep

ACTION = "ModifyVpcPeeringConnectionOptions"
_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_OPTION = "AllowDnsResolutionFromRemoteVpc"
Answer = tuple[int, dict[str, str], bytes]


def action(*, connections: Container[str]) -> Callable[[dict[str, Any]], Answer]:
    """The handler of the call, for the connections that the emulator knows."""

    def modify(parameters: dict[str, Any]) -> Answer:
        connection = _text(parameters, "VpcPeeringConnectionId")
        if connection not in connections:
            missing = f"The VPC peering connection '{escape(connection)}' does not exist"
            return _answer(
                400,
                f"<Response><Errors><Error><Code>InvalidVpcPeeringConnectionID.NotFound</Code>"
                f"<Message>{missing}</Message></Error></Errors></Response>",
            )
        sides = {}
        for side in ("Requester", "Accepter"):
            if wanted := _text(parameters, f"{side}PeeringConnectionOptions.{_OPTION}"):
                sides[side] = wanted
        keep(
            "AWS::EC2::VPCPeeringConnection", connection, {f"{side}.{_OPTION}": value for side, value in sides.items()}
        )
        options = "".join(
            f"<{side.lower()}PeeringConnectionOptions><allowDnsResolutionFromRemoteVpc>{escape(value)}"
            f"</allowDnsResolutionFromRemoteVpc></{side.lower()}PeeringConnectionOptions>"
            for side, value in sides.items()
        )
        return _answer(200, f'<{ACTION}Response xmlns="{_NAMESPACE}">{options}</{ACTION}Response>')

    return modify


def _text(parameters: dict[str, Any], name: str) -> str:
    """A parameter of the query protocol, which may be there several times."""
    value = parameters.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


def _answer(status: int, body: str) -> Answer:
    return status, {"Content-Type": "application/xml"}, f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode()
