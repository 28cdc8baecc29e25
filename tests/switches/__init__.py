"""Three switches of the switchboard; `make switchboard` runs all."""
