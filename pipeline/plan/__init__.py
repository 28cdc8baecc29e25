"""The plan of a release: what it changes in deployed stacks, what it would lose, and what it permits or opens."""
