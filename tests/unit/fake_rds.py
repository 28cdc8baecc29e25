"""An `aws rds` for the tests of scripts/restore-database: clusters and instances, one request at a time.

A rename is visible from the second look on, and an instance is available once it was waited for. The request with the
number `refused`, of those that change something, is refused once, as RDS does in a state that it does not accept.
"""

import json
import os
from pathlib import Path
from threading import Thread
from typing import Any

import jmespath  # type: ignore[import-untyped]

KINDS = {"cluster": "DBClusterIdentifier", "instance": "DBInstanceIdentifier"}
SEPARATOR = "\x1f"
AWS = """#!/bin/sh
printf '%s\\037' "$@" >{0}/request
{{ read -r status; [ "$status" = 0 ] || exec >&2; cat; }} <{0}/reply
exit "$status"
"""


class RefusedError(Exception):
    """RDS does not accept the request."""


class FakeRds:
    """RDS behind an `aws` command in a directory; two pipes connect them, since starting Python takes too long."""

    def __init__(self, directory: Path, *, clusters: dict[str, Any], instances: dict[str, Any]) -> None:
        self._directory, self._pipes = directory, (directory / "request", directory / "reply")
        self.resources = {"cluster": clusters, "instance": instances}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.changes = self._looks = 0
        self.refused: int | None = None
        for pipe in self._pipes:
            os.mkfifo(pipe)
        aws = directory / "aws"
        aws.write_text(AWS.format(directory), encoding="utf-8")
        aws.chmod(0o755)
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        request, reply = self._pipes
        while True:
            _, *arguments, _ = request.read_text(encoding="utf-8").split(SEPARATOR)
            try:
                status, text = 0, self._answer(arguments)
            except RefusedError as error:
                status, text = 254, f"An error occurred (InvalidDBClusterStateFault): {error}"
            reply.write_text(f"{status}\n{text}\n", encoding="utf-8")

    def _answer(self, arguments: list[str]) -> str:
        operation, *rest = arguments
        if operation == "wait":
            operation, *rest = [f"wait {rest[0]}", *rest[1:]]
        options = _options(rest, self._directory)
        self.requests.append((operation, options))
        if not operation.startswith(("describe", "wait")):
            self.changes += 1
            if self.changes == self.refused:
                raise RefusedError(f"{operation} is refused")
        answer = self._carry_out(operation, options)
        if "query" in options:
            answer = jmespath.search(options["query"], answer)
        if options.get("output") != "text":
            return json.dumps(answer)
        return "\t".join(answer) if isinstance(answer, list) else str(answer)

    def _carry_out(self, operation: str, options: dict[str, Any]) -> Any:
        kind = "cluster" if "db-cluster" in operation else "instance"
        name, resources = str(options.get(f"db-{kind}-identifier", "")), self.resources[kind]
        if operation.startswith("describe"):
            found = [each for key, each in resources.items() if name in ("", key)]
            self._looks += 1
            for each in list(resources.values()):
                self._rename(kind, each)
            if name and not found:
                raise RefusedError(f"there is no {name}")
            return {"DBClusters" if kind == "cluster" else "DBInstances": found}
        if operation.startswith(("restore", "create")):
            new: dict[str, Any] = {KINDS[kind]: name, "DbClusterResourceId": "cluster-RESTORED"}
            new |= {"DBClusterIdentifier": options["db-cluster-identifier"], "DbiResourceId": f"db-{name}"}
            new["Available"] = False
            resources[name] = new | options["input"]
        elif name not in resources:
            raise RefusedError(f"there is no {name}")
        elif operation.startswith("wait"):
            resources[name]["Available"] = True
        else:
            self._modify(kind, resources[name], options)
        return {}

    def _modify(self, kind: str, resource: dict[str, Any], options: dict[str, Any]) -> None:
        if new := options.get(f"new-db-{kind}-identifier"):
            name = resource["DBClusterIdentifier"]
            members = [each for each in self.resources["instance"].values() if each["DBClusterIdentifier"] == name]
            if kind == "cluster" and not all(each["Available"] for each in members):
                raise RefusedError("an instance is not available")
            resource |= {"New": new, "Visible": self._looks + 1, "Available": False}
        if "manage-master-user-password" in options:
            managed = {"SecretArn": "new", "SecretStatus": "active"}  # pragma: allowlist secret
            resource |= {"MasterUserSecret": managed, **options["input"]}  # pragma: allowlist secret

    def _rename(self, kind: str, resource: dict[str, Any]) -> None:
        if "New" not in resource or self._looks <= resource["Visible"]:
            return
        old, new = resource[KINDS[kind]], resource.pop("New")
        assert new not in self.resources[kind]
        self.resources[kind][new] = self.resources[kind].pop(old) | {KINDS[kind]: new}
        if kind == "cluster":
            for each in self.resources["instance"].values():
                if each["DBClusterIdentifier"] == old:
                    each["DBClusterIdentifier"] = new


def _options(rest: list[str], directory: Path) -> dict[str, Any]:
    options: dict[str, Any] = {}
    while rest:
        name = rest.pop(0).removeprefix("--")
        options[name] = rest.pop(0) if rest and not rest[0].startswith("--") else True
    if given := options.pop("cli-input-json", None):
        options["input"] = json.loads((directory / given.removeprefix("file://")).read_text(encoding="utf-8"))
    return options
