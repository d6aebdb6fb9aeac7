"""A day of the region as a load (`make load REGION=1`)."""
