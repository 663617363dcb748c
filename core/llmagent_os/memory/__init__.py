"""The memory of a person: facts and preferences that they stated about themselves.

Pure functions over texts, without a model and without a disk:

- :mod:`~llmagent_os.memory.clauses`: splits a message into clauses, without questions, jokes and wishes.
- :mod:`~llmagent_os.memory.statement_rules`: which clauses state what: ``life_rules.toml``, ``taste_rules.toml``.
- :mod:`~llmagent_os.memory.message_reading`: reads the statements of a message.
- :mod:`~llmagent_os.memory.superseding`: what a statement changes in what is already remembered.
- :mod:`~llmagent_os.memory.retrieval`: what is relevant to a message, and may be shown where it was said.
- :mod:`~llmagent_os.memory.memory_requests`: "what do you know about me", "forget that I like tea".

The rows are those of :mod:`llmagent_os.ledger.memories`. ``docs/memory.md`` describes the whole.
"""
