"""Runs language models: finds a model, decodes replies in this process, and talks to OpenAI-compatible servers.

Importing this package loads neither torch nor transformers nor openai. They are loaded when a model that needs them
answers for the first time.
"""
