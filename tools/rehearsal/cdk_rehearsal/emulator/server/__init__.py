"""The emulator's server process: ministack with the extension of this package."""
