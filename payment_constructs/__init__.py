"""The parts of the payment platform: one construct per file, none of which knows a stack."""
