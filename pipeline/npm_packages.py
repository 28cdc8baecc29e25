"""`python -m pipeline.npm_packages`: the audit of package-lock.json, and its part of the bill of materials.

The CDK CLI and cdk-assets are bundles: the lock, and so both, list them without the packages inside.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from pipeline.advisories import AdvisoriesError, accepted_here
from pipeline.npm_lock import Package, locked

OSV_URL = "https://api.osv.dev/v1/query"  # https://google.github.io/osv.dev/post-v1-query/
_TIMEOUT_SECONDS = 30


def add_components(bill: dict[str, Any], packages: list[Package]) -> None:
    """Adds the packages to a bill of materials in CycloneDX's JSON."""
    bill["components"] += [package.component() for package in packages]
    bill["dependencies"] += [{"ref": package.url} for package in packages]


def advisories(package: Package, *, url: str) -> Iterator[Mapping[str, Any]]:
    """The advisories on a package that OSV knows, without withdrawn ones."""
    query: dict[str, Any] = {"package": {"name": package.name, "ecosystem": "npm"}, "version": package.version}
    while True:
        response = requests.post(url, json=query, timeout=_TIMEOUT_SECONDS)
        response.raise_for_status()
        answer = response.json()
        yield from (each for each in answer.get("vulns", ()) if not each.get("withdrawn"))
        if "next_page_token" not in answer:
            return
        query["page_token"] = answer["next_page_token"]


def faults(packages: list[Package], *, accepted: set[str], url: str) -> Iterator[str]:
    """Yields a sentence for each advisory that is not accepted, by its id or another name of it."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = pool.map(lambda package: list(advisories(package, url=url)), packages)
        for package, known in zip(packages, found, strict=True):
            for each in known:
                if not accepted & {each["id"], *each.get("aliases", ())}:
                    yield f"{package.name} {package.version} has {each['id']}: {each.get('summary', 'no summary')}"


def audit(url: str) -> int:
    """Asks OSV about every package, and prints each advisory that is not accepted."""
    try:
        accepted = set(accepted_here())
        found = list(faults(locked(), accepted=accepted, url=url))
    except AdvisoriesError as error:
        found = [str(error)]
    except requests.RequestException as error:
        found = [f"{url} did not answer about npm packages: {error}"]
    for fault in found:
        print(f"audit: {fault}", file=sys.stderr)
    return 1 if found else 0


def main() -> int:
    """Audits the packages, or adds them to a bill of materials."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.npm_packages", description=__doc__)
    parser.add_argument("--osv", default=OSV_URL, help="the advisory service that the audit asks")
    parser.add_argument("--sbom", type=Path, help="the CycloneDX file to add the packages to, instead of the audit")
    arguments = parser.parse_args()
    if arguments.sbom is None:
        return audit(arguments.osv)
    bill = json.loads(arguments.sbom.read_text(encoding="utf-8"))
    add_components(bill, locked())
    arguments.sbom.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
