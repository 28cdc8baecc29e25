"""The delivery carried out, and the emulated AWS that it is carried out on."""
