"""The dialplan: extensions.conf, its language, and what runs it."""
