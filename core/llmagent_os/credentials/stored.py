"""A credential as it lies in the person's safe."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from llmagent_os.credentials.credential import GivenCredential

#: A token is renewed this long before it ends: a call takes its time, and clocks differ.
EARLY = timedelta(seconds=60)


class StoredCredential(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is sealed with the person's key."""

    secret: str  #: the token, the password, or the access token
    given: datetime  #: when the person gave it
    user: str = ""  #: the name that belongs to it
    address: str = ""  #: of the server
    refresh: str = ""  #: renews an access token; empty: nothing does
    ends: datetime | None = None  #: when an access token ends; None: it does not say
    by: str = ""  #: names the command that gave it, which may be run again after a crash; empty: no command
    refused: bool = False  #: the other side does not take it any more

    def is_old(self, now: datetime) -> bool:
        """Whether an access token has to be renewed before it is used."""
        return self.ends is not None and now + EARLY >= self.ends

    @property
    def for_call(self) -> GivenCredential:
        """What a tool gets of it."""
        return GivenCredential(secret=self.secret, user=self.user, address=self.address)
