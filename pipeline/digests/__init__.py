"""Digests of a release: what Build made, what is approved, and what the guard lets CloudFormation deploy."""

from pathlib import Path

CONTENT = Path(__file__).with_name("content.py")
"""The module that the functions that compare digests contain."""
