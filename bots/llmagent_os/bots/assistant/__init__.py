"""A general assistant for any model, with every plugin that comes with the project."""
