"""Integration tests of a deployed environment: `make verify`.

The pipeline runs them after every deployment with the verification role, which allows exactly the calls of these
tests: payment_constructs/roles.py. Then it records the release as verified, for a fail-over.
"""
