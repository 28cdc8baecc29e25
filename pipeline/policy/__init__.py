"""Policy of every synthesis: cdk-nag packs, and own rules for what PCI DSS 4.0.1 requires and no pack checks."""
