"""The tests; one folder for each kind: unit, policy, rehearsal, integration.

The tools that tests start (node for the CDK, cdk, cfn-lint, detect-secrets-hook) are those installed beside the running
interpreter, also in an editor that has not activated the virtual environment.
"""

import os
import sys
from pathlib import Path

# This package is imported before any of its modules, and so before `import aws_cdk` starts the node that is on PATH.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
