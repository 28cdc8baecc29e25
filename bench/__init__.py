"""What the delivery costs in time: measured where it can be, modelled where only AWS could tell."""
