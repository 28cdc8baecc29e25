"""The drilled environment, seen from outside: its two regions and the data in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.drill.ledger import Kind
from rehearsal.drill.names import Names
from rehearsal.emulator import Emulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What happenings act on and findings look at.

    Args:
        emulator: Whose region fails.
        names: What things are called.
        kinds: The data that is written and looked for.
    """

    emulator: Emulator
    names: Names
    kinds: Mapping[str, Kind]

    def here(self, service: str) -> Any:
        """A client of the primary region."""
        return self.at(service, region=self.names.primary)

    def there(self, service: str) -> Any:
        """A client of the DR region."""
        return self.at(service, region=self.names.recovery)

    def at(self, service: str, *, region: str) -> Any:
        """A client of the drilled account."""
        return self.emulator.client(service, account=self.names.account, region=region)
