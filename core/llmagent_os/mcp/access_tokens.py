"""Tokens with which other programs use a bot's tools, each for one person and for the permissions that it was given.

Only the hash of a token is kept, under the person's account: an erasure of the person ends the person's tokens.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from secrets import token_urlsafe
from typing import Literal

import msgspec

from llmagent_os.errors import ConfigError
from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId, first_identity_of
from llmagent_os.ledger import Ledger
from llmagent_os.records import Record

#: Under this name the ledger keeps the tokens. No plugin can have it.
RECORDS = "agent.mcp"

#: Begins a token, so that a search for leaked secrets finds it.
PREFIX = "lmcp_"

#: Tokens of one person.
MAX_TOKENS = 20

_KEY = "tokens"


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


class AccessTokens:
    """The tokens of an installation."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime] = now) -> None:
        """Args: ``clock`` gives the present moment, aware."""
        self._ledger, self._clock = ledger, clock

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
        for _, each in await self.all():
            if each.name == made.name:
                raise ConfigError(f"there is a token {made.name!r} already: revoke it, or take another name")
        records = self._ledger.records(RECORDS, identity)
        kept = _read(await records.get(_KEY))
        if len(kept) >= MAX_TOKENS:
            raise ConfigError(f"{identity} has {len(kept)} tokens: revoke one of them first")
        await records.put(_KEY, _written((*kept, made)))
        return secret

    async def all(self) -> list[tuple[PersonId, AccessToken]]:
        """Every token with its person, sorted by name."""
        found = await self._ledger.shared_records(RECORDS).under(_KEY)
        tokens = [(person, token) for person, record in found for token in _read(record)]
        return sorted(tokens, key=lambda each: each[1].name)

    async def revoke(self, name: str) -> PersonId:
        """End a token at once. Returns whose it was.

        Raises:
            ConfigError: there is no such token.
        """
        for person, record in await self._ledger.shared_records(RECORDS).under(_KEY):
            kept = _read(record)
            if any(token.name == name for token in kept):
                records = self._ledger.records(RECORDS, first_identity_of(person))
                await records.put(_KEY, _written(tuple(token for token in kept if token.name != name)))
                return person
        raise ConfigError(f"there is no token {name!r}: `llmagent-os mcp token list` prints them")

    async def grant(self, secret: str) -> Grant | None:
        """What a token allows. None: there is none such, or it has ended."""
        if not secret.startswith(PREFIX) or len(secret) > 200:
            return None
        shown = _hash(secret)
        for person, token in await self.all():
            if hmac.compare_digest(token.hash, shown):
                is_over = token.until is not None and token.until <= self._clock()
                return None if is_over else Grant(first_identity_of(person), token)
        return None


def _hash(secret: str) -> str:
    """A secret of 256 random bits needs no slow hash: nobody can guess it."""
    return sha256(secret.encode()).hexdigest()


def _read(record: Record | None) -> tuple[AccessToken, ...]:
    try:
        return () if record is None else msgspec.convert(record["tokens"], tuple[AccessToken, ...])
    except (KeyError, msgspec.ValidationError):  # of another version: such tokens open nothing
        return ()


def _written(tokens: tuple[AccessToken, ...]) -> Record:
    return {"tokens": msgspec.to_builtins(tokens)}
