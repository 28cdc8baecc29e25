"""What a commit changes in stacks that stand: read from templates or change sets, judged, and shown to people."""
