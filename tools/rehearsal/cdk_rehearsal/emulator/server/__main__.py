"""`python -m cdk_rehearsal.emulator.server PORT APP`: ministack with this package's extension, on 127.0.0.1.

The server ends when its standard input closes. The starting process owns the other end, and the kernel closes that
end even when the process is killed. No state is worth saving, so the end is immediate.
"""

import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path

from cdk_rehearsal.emulator.access import SECRET
from cdk_rehearsal.emulator.server.postgresql import DIRECTORY, Servers

HOST = "127.0.0.1"
_STANDARD_INPUT = 0


def main(*, port: str, app: Path) -> None:
    """Serve until standard input closes."""
    scratch = Path(tempfile.mkdtemp(prefix="emulator-"))
    databases = Servers(app=app, scratch=scratch)
    threading.Thread(target=_end_with_standard_input, args=(scratch, databases), daemon=True).start()
    tempfile.tempdir = str(scratch)
    os.environ |= _settings(port=port, scratch=scratch) | {DIRECTORY: str(databases.directory)}
    sys.argv = sys.argv[:1]  # ministack reads its own options from here

    try:
        # ministack reads its settings from the environment when it is imported.
        from ministack.app import main as serve  # noqa: PLC0415

        from cdk_rehearsal.emulator.server import extension  # noqa: PLC0415

        extension.install(databases)
        serve()
    finally:
        databases.end()
        shutil.rmtree(scratch, ignore_errors=True)


def _settings(*, port: str, scratch: Path) -> dict[str, str]:
    return {
        "BIND_HOST": HOST,  # ministack's default is every interface
        "MINISTACK_HOST": HOST,  # the host that custom resources send their response to
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
        # Lambda functions inherit this environment: none of the user's AWS settings, and the cfnresponse module.
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONPATH": str(Path(__file__).parent / "lambda_modules"),
    }


def _end_with_standard_input(scratch: Path, databases: Servers) -> None:
    """Wait for the end of standard input, remove all files and kill the process group with its Lambda workers."""
    while os.read(_STANDARD_INPUT, 1):  # not sys.stdin: its lock would be held when the interpreter ends
        pass
    databases.end()
    shutil.rmtree(scratch, ignore_errors=True)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(port=sys.argv[1], app=Path(sys.argv[2]))
