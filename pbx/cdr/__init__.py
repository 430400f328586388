"""Call detail records: one line for each leg of each call, as Asterisk writes it."""
