"""The findings of the image's scan: the check behind Build, and what it is allowed to pass."""
