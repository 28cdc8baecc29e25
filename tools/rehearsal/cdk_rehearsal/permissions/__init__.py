"""The judgement of the calls that were recorded: each must be allowed, and each permission used."""
