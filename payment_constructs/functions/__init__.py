"""The code of Lambda functions, which is deployed inside the templates."""
