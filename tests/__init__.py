"""The tests; one folder for each way of looking at the platform."""
