"""What can go wrong in a rehearsal, by what the user has to do about it."""


class RehearsalError(Exception):
    """The rehearsal could not be carried out: wrong usage or a missing tool. Nothing is known of the delivery."""


class DeliveryError(Exception):
    """The delivery failed: on AWS it would have failed too."""
