"""The emulated AWS: a child process that ends with the process that started it."""

from cdk_rehearsal.emulator.process import Coverage, Emulator, EmulatorError

__all__ = ["Coverage", "Emulator", "EmulatorError"]
