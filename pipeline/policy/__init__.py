"""Our own rules for what no pack covers in PCI DSS 4.0.1: each reads a synthesized template and says what it finds."""
