"""Tools: where plugins come from, and how their tools are called."""
