"""Keeps apart what a model's server remembers of people's prompts.

A server that has read a prompt answers the next one with the same beginning sooner. Whoever can measure that could find
out what others have asked. vLLM shares what it has read only among requests with the same ``cache_salt``:
https://docs.vllm.ai/en/latest/design/prefix_caching.html. So does the engine, in the process and on replicas, with all
that people say; the bot's own instructions and tools are shared among all.
"""

from __future__ import annotations

import hmac

from llmagent_os.identity import NOBODY, PersonId

#: The name of the key in the ledger.
CACHE_SALTS_KEY = "cache_salts"


class CacheSalts:
    """Gives each person of a bot a salt, which without the key says nothing about the person.

    >>> salts = CacheSalts(bytes(32), "assistant")
    >>> salts.of(PersonId("slack:T1:U1")) == salts.of(PersonId("slack:T1:U2"))
    False
    >>> len(salts.of(PersonId("slack:T1:U1"))), salts.of(NOBODY)
    (32, '')
    """

    def __init__(self, key: bytes, bot: str) -> None:
        """Args:
        key: of the installation.
        bot: the bot's name: a person has another salt with another bot.
        """
        self._key = key
        self._bot = bot

    def of(self, person_id: PersonId) -> str:
        """The salt of a person, in 32 hexadecimal digits. Empty: the request is nobody's."""
        if person_id == NOBODY:
            return ""
        return self._digest("person", person_id)

    @property
    def mark(self) -> str:
        """What begins the names of the bot's LoRAs on servers: other installations on a server have other marks."""
        return self._digest("loras", "")[:8]

    def _digest(self, what: str, whose: str) -> str:
        said = "\0".join((what, self._bot, whose)).encode(errors="surrogatepass")
        return hmac.digest(self._key, said, "sha256").hex()[:32]
