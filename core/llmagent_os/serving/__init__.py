"""How replies are computed: finding a model, the in-process engine, and the client of OpenAI-compatible servers.

Nothing here imports torch, transformers or openai until a model that needs it first answers.
"""
