"""Local channels: two legs of one call inside the switch."""
