"""A plugin in a process of its own: it serves like any other, and cannot harm the host."""
