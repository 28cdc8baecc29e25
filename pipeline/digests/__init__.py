"""Digests of a release: what Build made, what is approved, and what the guard lets CloudFormation deploy."""
