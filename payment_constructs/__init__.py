"""The parts of the payment platform, one module per part; they import no stack.

Arguments that many constructs take: ``retain`` (whether data outlives its stack and is protected from deletion),
``log_key`` (encrypts the part's logs; its policy allows log groups) and ``topic`` (receives the part's failures).
"""
