"""The code that runs in Lambda; each file travels inside a template."""
