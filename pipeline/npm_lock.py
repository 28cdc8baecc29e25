"""The packages of package-lock.json."""

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

LOCK = Path("package-lock.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A locked package."""

    name: str  # with its scope, as @scope/name
    version: str
    integrity: str  # algorithm-base64
    license: str | None

    @property
    def url(self) -> str:
        """The package URL: https://github.com/package-url/purl-spec."""
        return f"pkg:npm/{quote(self.name)}@{self.version}"

    def component(self) -> dict[str, Any]:
        """The package as a component of CycloneDX."""
        scope, _, name = self.name.rpartition("/")
        algorithm, _, digest = self.integrity.partition("-")
        return {
            "bom-ref": self.url,
            **({"group": scope} if scope else {}),
            "hashes": [{"alg": algorithm.upper().replace("SHA", "SHA-"), "content": b64decode(digest).hex()}],
            **({"licenses": [{"license": {"name": self.license}}]} if self.license else {}),
            "name": name,
            "purl": self.url,
            "type": "library",
            "version": self.version,
        }


def locked() -> list[Package]:
    """The packages of the lock file, each version once."""
    entries: Mapping[str, Mapping[str, Any]] = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]
    found = {
        Package(
            # A folder has another name than its package where package.json gives an alias.
            name=entry.get("name") or folder.rpartition("node_modules/")[2],
            version=entry["version"],
            integrity=entry["integrity"],
            license=entry.get("license"),
        )
        for folder, entry in entries.items()
        if folder
    }
    return sorted(found, key=lambda each: (each.name, each.version))
