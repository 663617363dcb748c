"""Privacy: who may be learned from, what is masked, how long things are kept, and what is exported and erased.

- :mod:`~llmagent_os.privacy.consent`: may the bot learn from a person?
- :mod:`~llmagent_os.privacy.masking`: secrets and contact data are masked before anything is logged or kept.
- :mod:`~llmagent_os.privacy.retention`: how long each kind of thing is kept.
- :mod:`~llmagent_os.privacy.stores`: the registry of all stores that keep something about people.
- :mod:`~llmagent_os.privacy.known_stores`: which stores there are, and so what ``/forget`` erases.
"""
