"""The tests in one package per kind: unit, policy, rehearsal, integration.

The tools that tests start (node, cdk, cfn-lint, detect-secrets-hook) are the ones installed beside the running
interpreter, even if the virtual environment is not activated. Servers on this machine are reached without a proxy.

The CDK's validator of templates takes half of a synthesis: in tests it checks the templates of
cdk.json alone. `make switchboard`, which is no pytest, has it check the sample with every documented change.
"""

import os
import sys
from pathlib import Path

# Python imports this package before its modules, so PATH is set before `import aws_cdk` starts node.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])

_PROXY_EXCEPTIONS = ("NO_PROXY", "no_proxy")  # some clients read one, some the other
_DIRECT = ",".join([*filter(None, map(os.environ.get, _PROXY_EXCEPTIONS)), "127.0.0.1", "localhost", "::1"])
os.environ.update(dict.fromkeys(_PROXY_EXCEPTIONS, _DIRECT))

if "pytest" in sys.modules:
    os.environ["CDK_VALIDATION"] = "false"
