"""The session's synthesis, shared with tests/."""

from tests.conftest import assembly, context

__all__ = ["assembly", "context"]
