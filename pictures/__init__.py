"""The pictures of README.md, drawn from the synthesized templates: nothing in them is said twice."""
