"""One exchange: from a message to the reply."""
