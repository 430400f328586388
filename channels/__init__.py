"""A call leg, and how legs are joined."""
