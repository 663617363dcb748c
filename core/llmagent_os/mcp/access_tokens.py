"""Tokens with which other programs use a bot's tools, each for one person and for the permissions that it was given.

Only the hash of a token is kept, under the person's account: an erasure of the person ends the person's tokens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from secrets import token_urlsafe
from typing import Literal

import msgspec

from llmagent_os.errors import ConfigError
from llmagent_os.events import now
from llmagent_os.identity import Identity, first_identity_of
from llmagent_os.ledger import Ledger
from llmagent_os.people.access import Access
from llmagent_os.records import Record

#: Under this name the ledger keeps the tokens. No plugin can have it.
RECORDS = "agent.mcp"

#: Begins a token, so that a search for leaked secrets finds it.
PREFIX = "lmcp_"

#: Platforms on which everybody is answered: see :attr:`~llmagent_os.adapter.Capabilities.trusted`.
_OPERATORS = ("console", "web")

#: Tokens of one person.
MAX_TOKENS = 20

#: Begins the key of a token's record; its hash follows. One record a token: accounts that are linked keep theirs.
_KEY = "token."


class AccessToken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One token, without its secret."""

    name: str  #: no other token of the installation has it
    hash: str  #: SHA-256 of the secret, in hexadecimal digits
    permissions: tuple[str, ...]  #: of the tools that may be called, with wildcards: ``calendar.*``
    made: datetime
    #: what tools may do beyond changing what the person keeps
    effects: tuple[Literal["destructive", "outward"], ...] = ()
    private: bool = False  #: tools of plugins that keep what they are told private, and secrets in results
    until: datetime | None = None  #: when it ends; None: when it is revoked


class Grant(msgspec.Struct, frozen=True):
    """A token that was shown, and whose it is."""

    identity: Identity  #: an account of the person
    token: AccessToken


async def may_use(access: Access, identity: Identity) -> bool:
    """Whether the person of a token may use the bot. Pages and terminals of this machine are its operator's own."""
    return identity.partition(":")[0] in _OPERATORS or await access.admits_identity(identity)


class AccessTokens:
    """The tokens of an installation."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime] = now) -> None:
        """Args: ``clock`` gives the present moment, aware."""
        self._ledger, self._clock = ledger, clock
        self._changing = asyncio.Lock()

    async def add(self, identity: Identity, token: Callable[[str, datetime], AccessToken]) -> str:
        """Make a token for a person. Returns the secret, which nobody can see again.

        Args:
            identity: an account of the person.
            token: makes the token of the hash and the present moment.

        Raises:
            ConfigError: there is a token of this name, or the person has too many.
        """
        secret = PREFIX + token_urlsafe(32)
        made = token(_hash(secret), self._clock())
        async with self._changing:
            for _, each in await self.all():
                if each.name == made.name:
                    raise ConfigError(f"there is a token {made.name!r} already: revoke it, or take another name")
            records = self._ledger.records(RECORDS, identity)
            count = len(await records.items())
            if count >= MAX_TOKENS:
                raise ConfigError(f"{identity} has {count} tokens: revoke one of them first")
            await records.put(_KEY + made.hash, msgspec.to_builtins(made))
        return secret

    async def all(self) -> list[tuple[Identity, AccessToken]]:
        """Every token with the account that it was made for, sorted by name."""
        found = await self._ledger.every_record(RECORDS)
        tokens = [(account, token) for account, _, record in found if (token := _read(record)) is not None]
        return sorted(tokens, key=lambda each: each[1].name)

    async def revoke(self, name: str) -> Identity:
        """End a token at once, whichever accounts are linked. Returns for which account it was made.

        Raises:
            ConfigError: there is no such token.
        """
        async with self._changing:
            theirs = [(account, token) for account, token in await self.all() if token.name == name]
            for account, token in theirs:
                await self._ledger.records(RECORDS, account).delete(_KEY + token.hash)
        if theirs:
            return theirs[0][0]
        raise ConfigError(f"there is no token {name!r}: `llmagent-os mcp token list` prints them")

    async def grant(self, secret: str) -> Grant | None:
        """What a token allows. None: there is none such, or it has ended."""
        if not secret.startswith(PREFIX) or len(secret) > 200:
            return None
        # Looked up by its hash: how long that takes says nothing of the secrets that there are.
        for person, record in await self._ledger.shared_records(RECORDS).under(_KEY + _hash(secret)):
            token = _read(record)
            is_over = token is None or (token.until is not None and token.until <= self._clock())
            return None if token is None or is_over else Grant(first_identity_of(person), token)
        return None


def _hash(secret: str) -> str:
    """A secret of 256 random bits needs no slow hash: nobody can guess it."""
    return sha256(secret.encode()).hexdigest()


def _read(record: Record) -> AccessToken | None:
    try:
        return msgspec.convert(record, AccessToken)
    except msgspec.ValidationError:  # of another version: such a token opens nothing
        return None
