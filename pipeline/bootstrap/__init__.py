"""The IAM policies that an account needs before the first delivery, generated from the templates."""
