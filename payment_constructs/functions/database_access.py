"""Lambda function that runs one statement of a person on the database, deployed with pg8000 and the RDS authorities."""

import json
import os
import re
import ssl
from pathlib import Path
from typing import Any

import boto3
from pg8000.native import Connection, DatabaseError

rds = boto3.client("rds")
OWNER = "payment_app"
READER, WRITER = "payment_people_read", "payment_people_write"
"""The users of people, which the password rotation creates."""
TEXTS, WRITE, ON, MINUTES = ("statement", "caller", "reason"), "write", "on", "minutes"
DATABASES = ("writer", "reader", "restored", "before")
"""Those of the cluster in use, and a restored one beside it before and after their swap (scripts/restore-database)."""
AUTHORITIES = Path(__file__).with_name("rds-ca.pem")
ROWS, CHARACTERS = 100, 200_000
"""The most of an answer."""
SECONDS, MOST_MINUTES, GRACE_SECONDS = 20, 13, 10
"""How long a statement may run, by default and at most, and how much later the connection ends.

By default the answer is there before the AWS CLI, which waits for 60 seconds, sends the request again, also from a
paused database, which takes up to half a minute to resume. More is for invocations that wait for no answer.
https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-options.html
"""
QUERY = re.compile(r"\s*(SELECT|TABLE|VALUES|WITH)\b", re.IGNORECASE)
"""The statements of which a cursor is possible; they may return many rows."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Records the request, runs its statement, and records the outcome; never records a row, a value or a message.

    Lambda does not know who invokes it: `caller` and `reason` are what the request says. CloudTrail's data event of the
    invocation has the same request id, and the caller.
    """
    check(event)
    request = {"request": context.aws_request_id}
    print(json.dumps({**request, **event}))
    try:
        with connect(event) as database:
            answer = (write if event.get(WRITE) else read)(database, event)
    except DatabaseError as error:
        fields = error.args[0]
        print(json.dumps({**request, "refused": fields["C"]}))
        return {"error": f"{fields['C']}: {fields['M']}"}
    print(json.dumps({**request, "rows": answer["count"]}))
    return answer


def check(event: dict[str, Any]) -> None:
    """Refuses what is not a request, such as the event of a custom resource."""
    texts = [event.get(name) for name in TEXTS]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError(f"Give {', '.join(TEXTS)}, none of them empty")
    valid = isinstance(event.get(WRITE, False), bool) and event.get(ON, DATABASES[0]) in DATABASES
    valid = valid and event.get(MINUTES, 1) in range(1, MOST_MINUTES + 1)
    if not (valid and set(event) <= {*TEXTS, WRITE, ON, MINUTES}):
        optional = f"{WRITE} true for a change; {ON}, one of {DATABASES}; {MINUTES} up to {MOST_MINUTES}"
        raise ValueError(f"Give {', '.join(TEXTS)}; {optional}; nothing else")


def read(database: Connection, request: dict[str, Any]) -> dict[str, Any]:
    """Runs a statement as the user that may only read, in a transaction that is never committed.

    The user's privileges are the limit. A transaction that only reads is none: a statement can end it.
    """
    database.run("START TRANSACTION READ ONLY")
    if not QUERY.match(request["statement"]):
        return answered(single(database, request["statement"]))
    single(database, f"DECLARE answer CURSOR FOR {request['statement']}")
    return answered(single(database, f"FETCH {ROWS + 1} FROM answer"))


def write(database: Connection, request: dict[str, Any]) -> dict[str, Any]:
    """Runs a statement as the user that may do what the application may; PostgreSQL commits it at once.

    What it creates then belongs to the application's role, as after a release. On a reader it may end sessions.
    """
    answer = answered(single(database, request["statement"]))
    if request.get(ON) != "reader":
        database.run(f"REASSIGN OWNED BY {WRITER} TO {OWNER}")
    return answer


def host(on: str) -> str:
    """The endpoint of a database: those of an account's clusters differ in the cluster's name only.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Endpoints.Cluster.html
    """
    cluster, _, rest = os.environ["HOST"].partition(".cluster-")
    suffixes = {"writer": ".cluster-", "reader": ".cluster-ro-"}
    return f"{cluster}{suffixes.get(on, f'-{on}.cluster-')}{rest}"


def single(database: Connection, statement: str) -> Any:
    """Runs one statement: PostgreSQL refuses to prepare several.

    https://www.postgresql.org/docs/17/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
    """
    return database.execute_unnamed(statement)


def answered(result: Any) -> dict[str, Any]:
    """Column names and rows, as many as fit, with values that JSON lacks as text; and the number of rows."""
    columns = [column["name"] for column in result.columns or ()]
    rows: list[Any] = []
    found, length = result.rows or [], 0
    for row in found[:ROWS]:
        text = json.dumps(row, default=str)
        length += len(text)
        if length > CHARACTERS:
            break
        rows.append(json.loads(text))
    count = max(result.row_count, len(rows))
    return {"columns": columns, "rows": rows, "count": count, "complete": len(rows) == len(found)}


def connect(request: dict[str, Any]) -> Connection:
    """A session of the user that the request needs, with an IAM token that is signed here."""
    user, seconds = WRITER if request.get(WRITE) else READER, request.get(MINUTES, 0) * 60 or SECONDS
    address, port = host(request.get(ON, DATABASES[0])), int(os.environ["PORT"])
    database = Connection(
        user,
        host=address,
        port=port,
        database=os.environ["DATABASE"],
        password=rds.generate_db_auth_token(DBHostname=address, Port=port, DBUsername=user),
        ssl_context=ssl.create_default_context(cafile=str(AUTHORITIES)),
        timeout=seconds + GRACE_SECONDS,
    )
    database.run(f"SET statement_timeout = '{seconds}s'")
    database.run("SET lock_timeout = '5s'")
    return database
