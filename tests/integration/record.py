"""`python -m tests.integration.record`: records the verified release in the DR region; `make verify` runs it last.

A fail-over deploys this release. The DR stack cannot name it: it is ahead when a delivery fails after it. No stack owns
the parameter, so that no deployment sets it back.
"""

import json
import os

from tests.integration.deployed import Deployed
from tests.integration.session import assume


def main() -> None:
    """Write the release, its image and the running minor version of the database to the parameter."""
    deployed = Deployed.named_by(os.environ)
    session = assume(deployed.role_arn, deployed=deployed)
    parameter = session.client("ssm").get_parameter(Name=deployed.parameter_name("manifest"))["Parameter"]
    clusters = session.client("rds").describe_db_clusters(DBClusterIdentifier=deployed.resource_name("database"))
    verified = {
        "release": deployed.release,
        "image": json.loads(parameter["Value"])["configuration"]["image"],
        "engine": clusters["DBClusters"][0]["EngineVersion"],
    }
    recorder = assume(deployed.recorder_role_arn, deployed=deployed)
    name = deployed.parameter_name("verified-release")
    recorder.client("ssm", region_name=deployed.dr_region).put_parameter(
        Name=name, Value=json.dumps(verified), Type="String", Overwrite=True
    )
    print(f"{name} in {deployed.dr_region}: {json.dumps(verified)}")


if __name__ == "__main__":
    main()
