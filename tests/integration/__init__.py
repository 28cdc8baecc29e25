"""What a payments team looks at right after a deployment, against what was deployed: `make verify`.

The pipeline runs it behind every deployment, in the verification role. That allows what is called here, and nothing
else: payment_constructs/roles.py.
"""
