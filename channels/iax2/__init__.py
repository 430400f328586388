"""IAX2 (RFC 5456): a sans-IO core, and one Twisted driver."""
