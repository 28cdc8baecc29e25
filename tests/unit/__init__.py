"""The settings and the synthesized templates."""
