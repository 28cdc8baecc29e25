"""Payments in the database, written and read with the login of the service, and the waits for its rotation."""

import json
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pg8000.native import Connection, DatabaseError, InterfaceError

from cdk_rehearsal import Emulator
from tools.drill.data import FIRST, Client, Kind
from tools.drill.failures import DrillError, must
from tools.drill.names import Names

_SECONDS = 120


@dataclass(slots=True, kw_only=True)
class Payments(Kind):
    """Rows of a table: a restore has those of its snapshot."""

    execute: Callable[..., Any]  # region, statement, its parameters -> rows

    def look_in_recovery(self, region: str) -> None:
        """Find the rows that were there when the snapshot was taken."""
        self.found_in_recovery = self._found(region)
        self._must_have(self.before, self.found_in_recovery, region=region)

    def look_in_primary(self, region: str) -> None:
        """Find the rows of the lost database, which is in use until that of the DR region is copied back."""
        self.found_in_primary = self._found(region)
        self._must_have([*self.before, *self.in_flight], self.found_in_primary, region=region)

    def look_after_copy(self, region: str) -> None:
        """Find the rows of the DR region after they were copied back."""
        self.found_in_primary = self._found(region)
        self._must_have([*self.before, *self.meanwhile], self.found_in_primary, region=region)


def payments(client: Client, *, emulator: Emulator, names: Names) -> Payments:
    """The payments of the drilled environment, and in the DR region those of its recovery environment."""

    def execute(region: str, statement: str, **parameters: Any) -> Any:
        name = names.resource("database-user", region=region)
        value = client("secretsmanager", region=region).get_secret_value(SecretId=name)
        login, databases = json.loads(value["SecretString"]), emulator.databases()
        port = databases["addresses"].get(f"{login['host']}:{login['port']}")
        must(port, f"No database answers at {login['host']}. {emulator.coverage().no_database}")
        tls = ssl.create_default_context(cafile=databases["authority"])
        tls.check_hostname = False  # the port of this machine; the rotation verifies the name
        where = {"host": "127.0.0.1", "port": port, "database": login["dbname"], "ssl_context": tls}
        try:
            with Connection(login["username"], password=login["password"], **where) as database:
                return database.run(statement, **parameters)
        except (DatabaseError, InterfaceError) as error:
            raise DrillError(f"{login['host']} refuses {login['username']}, or what it asks: {error}") from error

    def write(region: str, key: str) -> None:
        if key == FIRST:
            execute(region, "DROP SCHEMA IF EXISTS drill CASCADE")  # of an earlier drill
            execute(region, "CREATE SCHEMA drill")
            execute(region, "CREATE TABLE drill.payments (key text)")
        execute(region, "INSERT INTO drill.payments VALUES (:key)", key=key)

    def find(region: str) -> Iterable[str]:
        return [row[0] for row in execute(region, "SELECT key FROM drill.payments")]

    return Payments(name="Database", promise="24 hours", replicated=False, write=write, find=find, execute=execute)


def await_rotation(secrets: Any, *, secret: str, since: float) -> None:
    """Wait until a rotation that started after a time has ended."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        rotated = secrets.describe_secret(SecretId=secret).get("LastRotatedDate")
        if rotated and rotated.timestamp() >= int(since):
            return
        time.sleep(0.2)
    must(False, f"{secret} was not rotated within {_SECONDS} s: build/drill/emulator.log has the error.")
