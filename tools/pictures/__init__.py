"""Draws docs/*.svg: two SVG templates, filled from the synthesized CloudFormation templates."""
