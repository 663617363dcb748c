"""Slash commands: one file for each, and ``command_table``, which lists and dispatches them."""
