"""The emulator's process ends with its parent, and no AWS setting of the user reaches it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cdk_rehearsal.emulator import Emulator, EmulatorError
from stacks import ACCOUNT, PRIMARY


def _becomes(condition: Callable[[], bool], *, within: float = 10) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _python(*arguments: str, environment: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
        [sys.executable, *arguments],
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE,
        text=True,
    )


def _refuses(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) != 0


def _port(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_stopping_leaves_no_server_and_no_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    with Emulator.start(log=tmp_path / "emulator.log") as emulator:
        emulator.client("s3", account=ACCOUNT, region=PRIMARY).create_bucket(
            Bucket="short-lived", CreateBucketConfiguration={"LocationConstraint": PRIMARY}
        )
        assert list(scratch.iterdir())
    assert _refuses(_port(emulator.endpoint))
    assert not list(scratch.iterdir())


def test_killing_the_parent_ends_the_server_and_removes_its_files(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    holds_one = (
        "import pathlib, time; from cdk_rehearsal.emulator import Emulator\n"
        f"with Emulator.start(log=pathlib.Path({str(tmp_path / 'emulator.log')!r})) as emulator:\n"
        "    print(emulator.endpoint, flush=True); time.sleep(60)"
    )
    with _python("-c", holds_one, environment={"TMPDIR": str(scratch)}) as parent:
        assert parent.stdout is not None
        port = _port(parent.stdout.readline().strip())
        assert not _refuses(port)
        assert list(scratch.iterdir())
        parent.kill()
    assert _becomes(lambda: _refuses(port))
    assert _becomes(lambda: not list(scratch.iterdir()))


def test_ctrl_c_ends_the_standalone_emulator() -> None:
    port = _free_port()
    with _python("-m", "cdk_rehearsal.emulator", "--port", str(port)) as standalone:
        assert standalone.stdout is not None
        assert f"http://127.0.0.1:{port}" in standalone.stdout.readline()
        assert not _refuses(port)
        standalone.send_signal(signal.SIGINT)
        try:
            assert standalone.wait(timeout=10) == 0
        finally:
            standalone.kill()  # otherwise leaving the block would wait for it
    assert _refuses(port)


@pytest.mark.parametrize("impossible", [None, 65536])
def test_an_unusable_port_is_refused_with_the_remedy(
    emulator: Emulator, tmp_path: Path, impossible: int | None
) -> None:
    port = impossible or _port(emulator.endpoint)
    refused = pytest.raises(EmulatorError, match=rf"Port {port} .* cannot be used .* choose another port")
    with refused, Emulator.start(log=tmp_path / "emulator.log", port=port):
        pass


def test_a_server_that_cannot_start_is_reported_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho the reason\nexit 3\n")
    broken.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(EmulatorError, match="the reason"), Emulator.start(log=tmp_path / "emulator.log"):
        pass


def test_attaching_to_nothing_says_how_to_start_an_emulator() -> None:
    nowhere = f"http://127.0.0.1:{_free_port()}"
    with pytest.raises(EmulatorError, match=r"python -m cdk_rehearsal\.emulator"), Emulator.attach(endpoint=nowhere):
        pass


def test_leaving_an_attached_emulator_does_not_stop_it(emulator: Emulator) -> None:
    with Emulator.attach(endpoint=f"{emulator.endpoint}/") as attached:
        assert attached.endpoint == emulator.endpoint
    assert not _refuses(_port(emulator.endpoint))


def test_no_aws_setting_of_the_user_reaches_a_child_process(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "CDK_DEFAULT_ACCOUNT"):
        monkeypatch.setenv(name, "the user's own")
    environment = emulator.environment(account=ACCOUNT, region=PRIMARY)
    assert "the user's own" not in environment.values()
    assert environment["AWS_ACCESS_KEY_ID"] == ACCOUNT
    assert environment["AWS_CONFIG_FILE"] == os.devnull
    assert environment["PATH"] == os.environ["PATH"]


def test_a_client_reads_no_profile_and_no_credentials_of_the_user(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "does-not-exist")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the user's own")
    identity = emulator.client("sts", account="444444444444", region=PRIMARY).get_caller_identity()
    assert identity["Account"] == "444444444444"
