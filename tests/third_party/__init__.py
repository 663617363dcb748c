"""The adapters on servers that others wrote, so that our own are not the only ones to agree with us."""
