"""A disaster drill: docs/disaster-recovery.md carried out on an emulated AWS that loses a region on the way."""
