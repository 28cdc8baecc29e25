"""The emulator seen from outside: its process, its clients and its own pages.

The server reads from a pipe, and ends with its children and temporary files when this process closes it. The kernel
closes the pipe however this process ends, kill -9 included. The server has its own session: Ctrl-C at the terminal
reaches only this process, which can still clean up in the emulated accounts.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from cdk_rehearsal.emulator import access

EMULATED = "emulated"
RECORDED = "recorded only"
NOT_SUPPORTED = "not supported"


class Treatment(NamedTuple):
    """What the emulator does for a resource type; the note names what is missing, if anything."""

    kind: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The treatment of each resource type; an unknown type is not supported."""

    types: Mapping[str, Treatment]
    not_proved: tuple[str, ...]
    no_database: str  # why none answers; empty if one does

    @classmethod
    def from_json(cls, page: Mapping[str, Any]) -> Self:
        """The coverage in the server's page."""
        types = {name: Treatment(**treatment) for name, treatment in page["types"].items()}
        return cls(types=types, not_proved=tuple(page["not_proved"]), no_database=page["no_database"])

    def __getitem__(self, resource_type: str) -> Treatment:
        if resource_type.startswith("Custom::"):
            return Treatment(kind=EMULATED, note="")
        return self.types.get(
            resource_type,
            Treatment(kind=NOT_SUPPORTED, note="a template that contains it is refused"),
        )


HOST = "127.0.0.1"
_ROOT = Path(__file__).parents[2]
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0  # databases end, and thousands of files are deleted
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EmulatorError(Exception):
    """The emulator could not be started or reached; the message names the remedy."""


class Emulator:
    """One running emulator."""

    def __init__(self, *, endpoint: str) -> None:
        self.endpoint = endpoint

    @classmethod
    @contextmanager
    def start(cls, *, log: Path, port: int | None = None) -> Iterator[Self]:
        """Run an emulator during a `with` block, on any free port by default.

        The PostgreSQL behind its clusters is the one that npm has installed in the current directory.
        """
        port = _free_port(wanted=port)
        emulator = cls(endpoint=f"http://{HOST}:{port}")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            child = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
                [sys.executable, "-m", "cdk_rehearsal.emulator.server", str(port), str(Path.cwd())],
                cwd=_ROOT,
                env=access.clean_environment(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            emulator._wait_until_healthy(child=child, log=log)
            yield emulator
        finally:
            _stop(child)

    @classmethod
    @contextmanager
    def attach(cls, *, endpoint: str) -> Iterator[Self]:
        """Use a running emulator, without stopping it at the end."""
        emulator = cls(endpoint=endpoint.rstrip("/"))
        try:
            emulator.coverage()
        except (OSError, ValueError) as error:
            raise EmulatorError(
                f"No emulator answers at {endpoint} ({error}): start one with `python -m cdk_rehearsal.emulator`, "
                "or leave EMULATOR unset to have one started."
            ) from error
        yield emulator

    def client(self, service: str, *, account: str, region: str) -> Any:
        """A boto3 client of an emulated account and region."""
        return access.client(service, endpoint=self.endpoint, account=account, region=region)

    def environment(self, *, account: str, region: str) -> dict[str, str]:
        """The environment of a child process that works in an emulated account and region."""
        return access.environment(endpoint=self.endpoint, account=account, region=region)

    def coverage(self) -> Coverage:
        """What the running server does for each resource type."""
        return Coverage.from_json(self._page("coverage"))

    def recorded(self) -> list[dict[str, Any]]:
        """The resources that are only recorded: account, region, type, physical id and properties."""
        listing: list[dict[str, Any]] = self._page("recorded")
        return listing

    def databases(self) -> dict[str, Any]:
        """The ports on this machine by the addresses of clusters, and the file with the authority of their servers."""
        page: dict[str, Any] = self._page("databases")
        return page

    def calls(self) -> list[dict[str, Any]]:
        """The different requests of roles so far: role, action, resource, context, region and operation."""
        listing: list[dict[str, Any]] = self._page("calls")
        return listing

    def record(self, key: str, *, action: str, resource: str, region: str) -> None:
        """Record a call that a service makes with the role of an access key."""
        call = {"key": key, "action": action, "resource": resource, "region": region}
        self._page("calls", method="PUT", content=json.dumps(call).encode())

    def fail(self, region: str, *, state: str) -> None:
        """Set a region ``cut-off``, ``lost`` or ``well``; see `server.outage`."""
        self._page(f"regions/{region}/{state}", method="PUT")

    def plant(self, digest: str, *, findings: list[dict[str, Any]]) -> None:
        """Let the scan of an image in ECR find something; each finding is as in ECR's answer."""
        self._page("findings", method="PUT", content=json.dumps({"digest": digest, "findings": findings}).encode())

    def _page(self, name: str, *, method: str = "GET", content: bytes | None = None) -> Any:
        url = f"{self.endpoint}/_rehearsal/{name}"
        request = urllib.request.Request(url, data=content, method=method)  # noqa: S310 - our own
        with _direct.open(request, timeout=10) as answer:
            return json.load(answer)

    def _wait_until_healthy(self, *, child: "subprocess.Popen[bytes]", log: Path) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if child.poll() is not None:
                raise EmulatorError(f"The emulator ended during its start. The end of {log}:\n{_tail(log)}")
            with suppress(OSError):
                self.coverage()
                return
            time.sleep(0.05)
        raise EmulatorError(
            f"The emulator was not ready within {_START_SECONDS:.0f} s. The end of {log}:\n{_tail(log)}"
        )


def _free_port(*, wanted: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted or 0))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "the highest is 65535"
            raise EmulatorError(
                f"Port {wanted} on {HOST} cannot be used ({reason}): free it, or choose another port."
            ) from error
        port: int = probe.getsockname()[1]
        return port


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """Close the pipe and wait; if the server does not end, kill it with everything in its session."""
    if child.stdin is not None:
        child.stdin.close()
    try:
        child.wait(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
