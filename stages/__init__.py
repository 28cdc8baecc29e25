"""What is delivered: the environments as validated data, and the stacks that each of them holds."""
