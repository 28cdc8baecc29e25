"""The inventory of an environment (PCI DSS 12.5.1): one JSON document that says what stands and how it is set."""

import json
import re
from collections.abc import Mapping
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_ssm as ssm
from constructs import Construct

STANDARD_PARAMETER_BYTES = 4096
LONGEST_RESOLVED_VALUE = 128
"""Bytes that a value known only on deployment is counted with: longer than any ARN or endpoint that we publish."""


class Manifest(Construct):
    """The document as an SSM parameter.

    Args:
        parameter_name: Where it stands.
        document: Plain values, and tokens for what only the deployment knows.

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
                "standard parameter: take something out of the document."
            )
        self.parameter = ssm.StringParameter(
            self,
            "Parameter",
            parameter_name=parameter_name,
            description="What stands in this environment, and how it is set",
            string_value=Stack.of(self).to_json_string(document),
        )

    def to_json(self) -> str:
        """The document as a file: what only the deployment knows stands there as CloudFormation's intrinsics."""
        return json.dumps(Stack.of(self).resolve(self.document), indent=2) + "\n"


def longest_size(document: Mapping[str, Any]) -> int:
    """The most bytes that the document can take once its tokens are resolved."""
    text = json.dumps(document, separators=(",", ":"))
    return len(re.sub(r"\$\{Token\[[^]]+\]\}", "x" * LONGEST_RESOLVED_VALUE, text).encode())
