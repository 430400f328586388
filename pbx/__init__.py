"""pbx: a softswitch PBX that links boxes over IAX2 and runs Asterisk's configuration files."""

__version__ = "0.1.0"
