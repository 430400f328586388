"""A load generator for an IAX2 switch: callers on one socket, callees on another, the switch between them."""
