"""Privacy: what may be learned from, kept and shown."""
