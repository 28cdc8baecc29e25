"""`python -m pipeline.advisories`: pip-audit's options for the advisories that advisories.toml accepts."""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline import npm_lock

ACCEPTED = Path("pipeline", "advisories.toml")
LOCK = Path("requirements.txt")
LONGEST = timedelta(days=90)
_ID = re.compile(r"[A-Za-z]+-[A-Za-z0-9-]+")
_FIELDS = {"id": str, "package": str, "reason": str, "expires": date}
_REASON_WORDS = 5


class AdvisoriesError(Exception):
    """Entries that are malformed or expired; the message has a sentence for each."""


def accepted(text: str, *, packages: set[str], today: date) -> list[str]:
    """The ids of the accepted advisories.

    Raises:
        AdvisoriesError: If an entry is malformed, has expired or is about a package that is not locked.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AdvisoriesError(f"{ACCEPTED} is not TOML: {error}.") from error
    entries = document.get("accepted", [])
    if set(document) - {"accepted"} or not _are_tables(entries):
        raise AdvisoriesError(f"{ACCEPTED}: write every entry below [[accepted]].")
    faults = [f"{ACCEPTED}: {fault}" for entry in entries for fault in _faults(entry, packages=packages, today=today)]
    if faults:
        raise AdvisoriesError("\n".join(faults))
    return [entry["id"] for entry in entries]


def _are_tables(entries: object) -> bool:
    return isinstance(entries, list) and all(isinstance(each, dict) for each in entries)


def _faults(entry: Mapping[str, Any], *, packages: set[str], today: date) -> Iterator[str]:
    name = entry.get("id", "an entry without id")
    typed = all(type(entry.get(field)) is kind for field, kind in _FIELDS.items())
    if set(entry) != set(_FIELDS) or not typed:
        yield f'{name}: give id, package and reason as "text" and expires as a date such as {today + LONGEST}.'
        return
    if not _ID.fullmatch(name):
        yield f"{name!r} is not the id of an advisory, such as PYSEC-2026-1."
    if entry["package"] not in packages:
        yield f"{name}: {entry['package']} is neither in {LOCK} nor in {npm_lock.LOCK}: delete the entry."
    if len(entry["reason"].split()) < _REASON_WORDS:
        yield f"{name}: the reason must say why the advisory does no harm here."
    if entry["expires"] <= today:
        yield f"{name} on {entry['package']} has expired on {entry['expires']}: delete it, or have a new date reviewed."
    elif entry["expires"] > today + LONGEST:
        yield f"{name}: expires is {entry['expires']}: {today + LONGEST}, in 90 days, is the latest."


def accepted_here() -> list[str]:
    """The ids that this checkout accepts today.

    Raises:
        AdvisoriesError: If an entry is malformed, has expired or is about a package that is not locked.
    """
    packages = set(re.findall(r"^([\w.-]+)==", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE))
    packages |= {package.name for package in npm_lock.locked()}
    return accepted(ACCEPTED.read_text(encoding="utf-8"), packages=packages, today=datetime.now(tz=UTC).date())


def main() -> int:
    """Prints an option for each accepted advisory."""
    try:
        ids = accepted_here()
    except AdvisoriesError as error:
        print(f"audit: {error}", file=sys.stderr)
        return 1
    print(*(f"--ignore-vuln={each}" for each in ids))
    return 0


if __name__ == "__main__":
    sys.exit(main())
