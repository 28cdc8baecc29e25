"""Inventory of an environment (PCI DSS 12.5.1): a JSON document of its resources and configuration."""

import json
import re
from collections.abc import Mapping
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_ssm as ssm
from constructs import Construct

STANDARD_PARAMETER_BYTES = 4096
RESOLVED_TOKEN_BYTES = 128
"""The size that a token is counted with: more than any ARN or endpoint in a document."""


class Manifest(Construct):
    """SSM parameter with the document, whose values may be tokens.

    Raises:
        ValueError: When the document could exceed a standard parameter's 4 KB.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, parameter_name: str, document: Mapping[str, Any]
    ) -> None:
        super().__init__(scope, construct_id)
        self.document = document
        size = longest_size(document)
        if size > STANDARD_PARAMETER_BYTES:
            raise ValueError(
                f"{parameter_name}: the manifest may take {size} bytes, above the {STANDARD_PARAMETER_BYTES} of a "
                "standard parameter: remove something from the document."
            )
        self.parameter = ssm.StringParameter(
            self,
            "Parameter",
            parameter_name=parameter_name,
            description="Inventory of the environment: its deployed resources and their configuration",
            string_value=Stack.of(self).to_json_string(document),
        )

    def to_json(self) -> str:
        """The document as a file, with CloudFormation intrinsics for its tokens."""
        return json.dumps(Stack.of(self).resolve(self.document), indent=2) + "\n"


def longest_size(document: Mapping[str, Any]) -> int:
    """The maximum size of the document in bytes, once its tokens are resolved."""
    text = json.dumps(document, separators=(",", ":"))
    return len(re.sub(r"\$\{Token\[[^]]+\]\}", "x" * RESOLVED_TOKEN_BYTES, text).encode())
