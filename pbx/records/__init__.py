"""What call records and channel events share: formats of a line, tables, and an orderly way to the disk."""
