"""The change-set guard: stops a deployment that would lose stored data or traffic."""
