"""Tests of the policy: packs, rules, templates, and the generated parts of docs/compliance.md."""
