"""`python -m cdk_rehearsal.emulator.server PORT`: ministack with this project's extension, on the loopback device only.

It lives as long as whoever holds the other end of its standard input; see `lifetime`. ministack reads its settings
from the environment while it is imported, so they are all made here, before the first import of it.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from cdk_rehearsal.emulator.access import SECRET
from cdk_rehearsal.emulator.server import lifetime

HOST = "127.0.0.1"


def main(*, port: str) -> None:
    """Serve until standard input closes."""
    scratch = Path(tempfile.mkdtemp(prefix="emulator-"))
    lifetime.end_with_standard_input(scratch)
    tempfile.tempdir = str(scratch)
    os.environ |= _settings(port=port, scratch=scratch)
    sys.argv = sys.argv[:1]  # ministack reads its own options from here

    try:
        from ministack.app import main as serve  # noqa: PLC0415 - after the settings

        from cdk_rehearsal.emulator.server import extension  # noqa: PLC0415 - after the settings

        extension.install()
        serve()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _settings(*, port: str, scratch: Path) -> dict[str, str]:
    return {
        "BIND_HOST": HOST,  # ministack's default is every interface
        "MINISTACK_HOST": HOST,  # custom resources answer to this name
        "GATEWAY_PORT": port,
        "LOG_LEVEL": "WARNING",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",  # no container is ever started or removed
        "LAMBDA_EXECUTOR": "local",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "STATE_DIR": str(scratch / "state"),
        "TMPDIR": str(scratch),
        "NO_PROXY": HOST,
        "no_proxy": HOST,
        # What Lambdas inherit: nothing of the user's, and what AWS puts beside inline code.
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONPATH": str(Path(__file__).parent / "lambda_modules"),
    }


if __name__ == "__main__":
    main(port=sys.argv[1])
