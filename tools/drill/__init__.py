"""The disaster drill: runs docs/disaster-recovery.md on an emulated AWS whose primary region fails."""
