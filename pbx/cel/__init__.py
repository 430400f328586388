"""Channel event logging: what happens to each channel, as Asterisk's CEL tells it."""
