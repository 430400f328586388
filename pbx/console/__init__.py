"""The console: its commands, and the socket that people type at."""
