"""The delivery carried out on an emulated AWS: nothing outside this package and the tests knows the emulator."""
