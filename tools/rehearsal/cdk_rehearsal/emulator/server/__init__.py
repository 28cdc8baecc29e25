"""What runs inside the emulator's own process: ministack, and this project's extension of it."""
