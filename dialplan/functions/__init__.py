"""Functions of the dialplan, one file a theme; each registers itself (pbx.dialplan.registry)."""
