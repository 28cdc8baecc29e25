"""Lambda function that rotates the application's database user, deployed with pg8000 and the RDS authorities.

Once a day it checks that this rotation and that of the master user happen.
"""

import hashlib
import hmac
import json
import os
import secrets
import ssl
import string
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from pg8000.native import Connection

vault = boto3.client("secretsmanager")
rds = boto3.client("rds")
ROLE = "payment_app"
USERS = (f"{ROLE}_a", f"{ROLE}_b")
READER, WRITER = "payment_people_read", "payment_people_write"
"""The users of people (database_access.py)."""
AUTHORITIES = Path(__file__).with_name("rds-ca.pem")
TIMEOUT_SECONDS = 45
"""For each answer of the server; a paused one takes up to half a minute to resume."""
GRACE = timedelta(days=2)
"""Secrets Manager rotates in a window of a day, by default, and repeats what failed."""


def handler(event: dict[str, str], context: object) -> None:  # noqa: ARG001 - Lambda's signature
    """Runs one of the four steps of https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets.html.

    An event without a step is that of the daily check.
    """
    if "Step" not in event:
        check()
        return
    steps = {"createSecret": create, "setSecret": apply, "testSecret": test, "finishSecret": finish}
    steps[event["Step"]](event["SecretId"], event["ClientRequestToken"])


def create(secret: str, token: str) -> None:
    """Creates the credentials of the other user, once: Secrets Manager may repeat a step."""
    current = read(secret, "AWSCURRENT")
    try:
        read(secret, "AWSPENDING", VersionId=token)
    except vault.exceptions.ResourceNotFoundException:
        alphabet = string.ascii_letters + string.digits
        password = "".join(secrets.choice(alphabet) for _ in range(40))
        pending = current | {"username": USERS[current["username"] == USERS[0]], "password": password}
        vault.put_secret_value(
            SecretId=secret, ClientRequestToken=token, SecretString=json.dumps(pending), VersionStages=["AWSPENDING"]
        )


def apply(secret: str, token: str) -> None:
    """Sets the passwords of both users: the new one, and the current one for tasks that started with it.

    The users share one role: their sessions start in it, and it owns what they create. What a user owned before, or
    created after RESET ROLE, moves to that role, so that the other user can change it after the next rotation.
    """
    users = read(secret, "AWSCURRENT"), read(secret, "AWSPENDING", VersionId=token)
    for user in users:
        if user["username"] not in USERS or not (user["password"].isascii() and user["password"].isalnum()):
            raise ValueError(f"{secret} holds a user or password that is not of this rotation")
    with connect(read(master_secret(), "AWSCURRENT")) as database:
        # A change of owner waits for open transactions, and every query on the table waits behind it.
        database.run("SET lock_timeout = '5s'")
        database.run(f"DO $$ BEGIN CREATE ROLE {ROLE} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        database.run(f"GRANT CONNECT, CREATE ON DATABASE {os.environ['DATABASE']} TO {ROLE}")
        for user in users:
            name = user["username"]
            create_user(database, name)
            database.run(f"GRANT {ROLE} TO {name}")
            database.run(f"ALTER ROLE {name} SET ROLE {ROLE}")
            # The master user is no superuser: it may reassign between roles that it is a member of.
            database.run(f"GRANT {name} TO CURRENT_USER")
            database.run(f"REASSIGN OWNED BY {name} TO {ROLE}")
            database.run(f"ALTER ROLE {name} WITH LOGIN PASSWORD '{verifier(user['password'])}'")
        admit_people(database)  # last: tasks can log in, whatever fails here


def create_user(database: Connection, name: str) -> None:
    """Creates a user that does not exist yet."""
    database.run(f"DO $$ BEGIN CREATE ROLE {name} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")


def admit_people(database: Connection) -> None:
    """Creates two users with IAM logins: one reads what the application owns, the other may do what it may.

    pgaudit logs every statement of both; only a superuser could switch that off.
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Appendix.PostgreSQL.CommonDBATasks.pgaudit.exclude-user-db.html
    """
    for name in (READER, WRITER):
        create_user(database, name)
        database.run(f"ALTER ROLE {name} SET pgaudit.log = 'all'")
        database.run(f"GRANT CONNECT ON DATABASE {os.environ['DATABASE']} TO {name}")
        database.run(f"GRANT rds_iam TO {name}")
    for role in (ROLE, *USERS):  # the members of a user's role may end its sessions
        database.run(f"GRANT {role} TO {WRITER}")
    # Not pg_read_all_data: AWS does not say that a master user may grant it.
    database.run(READ_WHAT_EXISTS)
    database.run(f"GRANT {WRITER} TO CURRENT_USER")  # only its members change what it gives by default
    for privilege in ("USAGE ON SCHEMAS", "SELECT ON TABLES"):
        database.run(f"ALTER DEFAULT PRIVILEGES FOR ROLE {ROLE}, {WRITER} GRANT {privilege} TO {READER}")
    # Without it the reader does not see the statements in pg_stat_activity. It is no reason to fail.
    database.run(
        f"DO $$ BEGIN GRANT pg_read_all_stats TO {READER}; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$"
    )


READ_WHAT_EXISTS = f"""
DO $$ DECLARE privilege text; BEGIN
  FOR privilege IN
    SELECT format('USAGE ON SCHEMA %I', nspname) FROM pg_namespace WHERE nspowner = '{ROLE}'::regrole
    UNION ALL
    SELECT format('SELECT ON TABLE %s', oid::regclass) FROM pg_class
    WHERE relowner = '{ROLE}'::regrole AND relkind IN ('r', 'p', 'v', 'm', 'f')
  LOOP
    EXECUTE 'GRANT ' || privilege || ' TO {READER}';
  END LOOP;
END $$
"""  # noqa: S608 - of constants


def verifier(password: str) -> str:
    """SCRAM-SHA-256 verifier, as PostgreSQL stores a password: no logged statement contains the password itself.

    https://www.postgresql.org/docs/17/catalog-pg-authid.html, with the keys of RFC 5802
    """
    salt, iterations = secrets.token_bytes(16), 4096
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client, server = (hmac.digest(salted, key, "sha256") for key in (b"Client Key", b"Server Key"))
    encoded = (b64encode(each).decode() for each in (salt, hashlib.sha256(client).digest(), server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(iterations, *encoded)


def test(secret: str, token: str) -> None:
    """Logs in as the new user, whose session then has the role of both."""
    pending = read(secret, "AWSPENDING", VersionId=token)
    if pending["username"] not in USERS:
        raise ValueError(f"{secret} holds a user that is not of this rotation")
    with connect(pending) as database:
        if database.run("SELECT current_user") != [[ROLE]]:
            raise RuntimeError(f"A session of {pending['username']} does not have the role {ROLE}")


def finish(secret: str, token: str) -> None:
    """Makes the pending credentials the current ones."""
    versions = vault.describe_secret(SecretId=secret)["VersionIdsToStages"]
    (current,) = (version for version, stages in versions.items() if "AWSCURRENT" in stages)
    if current != token:
        vault.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
        )


def check() -> None:
    """Fails while a rotation is off or overdue; two alarms watch the errors, and the checks that pass."""
    limits = {os.environ["SECRET"]: "DAYS", master_secret(): "MASTER_DAYS"}  # pragma: allowlist secret
    faults = [
        f"{secret}: {fault}" for secret, limit in limits.items() if (fault := overdue(secret, int(os.environ[limit])))
    ]
    if faults:
        raise RuntimeError("; ".join(faults))


def overdue(secret: str, days: int) -> str | None:
    """What is wrong with a rotation; the days are those of the template, from which the secret may differ."""
    found = vault.describe_secret(SecretId=secret)
    if not found.get("RotationEnabled"):
        return "its rotation is off"
    last = found.get("LastRotatedDate", found["CreatedDate"])
    late = datetime.now(UTC) - last > timedelta(days=days) + GRACE
    return f"it was last rotated on {last:%Y-%m-%d}, and rotates every {days} days" if late else None


def read(secret: str, stage: str, **version: str) -> dict[str, Any]:
    """The credentials of a version stage."""
    value = vault.get_secret_value(SecretId=secret, VersionStage=stage, **version)
    content: dict[str, Any] = json.loads(value["SecretString"])
    return content


def master_secret() -> str:
    """The master secret of the cluster: a restored cluster that replaces it has the same name and another secret."""
    (cluster,) = rds.describe_db_clusters(DBClusterIdentifier=os.environ["CLUSTER"])["DBClusters"]
    arn: str = cluster["MasterUserSecret"]["SecretArn"]
    return arn


def connect(user: dict[str, Any]) -> Connection:
    """A session of the user at the writer, whose address is not taken from the secret.

    TLS verifies the server's certificate and name; the login binds itself to that TLS channel where the server offers
    it (SCRAM-SHA-256-PLUS).
    """
    return Connection(
        user["username"],
        host=os.environ["HOST"],
        port=int(os.environ["PORT"]),
        database=os.environ["DATABASE"],
        password=user["password"],
        ssl_context=ssl.create_default_context(cafile=str(AUTHORITIES)),
        timeout=TIMEOUT_SECONDS,
    )
