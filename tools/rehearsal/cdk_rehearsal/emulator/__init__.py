"""The emulated AWS that a rehearsal runs against: a process of its own that cannot outlive the one that started it."""

from cdk_rehearsal.emulator.process import Emulator, EmulatorError

__all__ = ["Emulator", "EmulatorError"]
