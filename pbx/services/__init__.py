"""The pieces of a PBX as services that start, stop and reload."""
