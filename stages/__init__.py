"""What is delivered: the environments as validated records, and their stacks."""
