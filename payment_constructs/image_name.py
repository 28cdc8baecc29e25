"""The form of an image's name: in ECR, by digest.

A Lambda function contains this module as a part of its one file, so it imports nothing of this project.
"""

import re

IMAGE = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com"
    r"/(?P<repository>[a-z0-9][a-z0-9/._-]*)@(?P<digest>sha256:[0-9a-f]{64})"
)
