"""What synthesis refuses."""
