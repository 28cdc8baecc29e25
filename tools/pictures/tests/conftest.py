"""The session's synthesis, shared with tests/."""

from tests.conftest import assembly, context, live_assembly, live_context

__all__ = ["assembly", "context", "live_assembly", "live_context"]
