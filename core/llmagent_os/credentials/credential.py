"""What a plugin says of a credential that its tools need, and what a tool is given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NoReturn, Protocol

import msgspec

from llmagent_os.errors import PluginError
from llmagent_os.languages import gettext_noop

#: A token or API key; a password; a user name with a password; a sign-in at an OAuth 2.0 server.
CredentialKind = Literal["token", "password", "login", "oauth2"]

#: Why a tool did not get a credential: the person has given none; the other side does not take it any more; or it
#: cannot be renewed at the moment.
Lack = Literal["missing", "refused", "unreachable"]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


class OAuthServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where people sign in by OAuth 2.0 (RFC 6749), and what the installation is called there."""

    token_url: str  #: gives tokens
    client_id: str  #: as the server knows this installation
    client_secret: str = ""  #: empty: a public client, which PKCE (RFC 7636) protects
    authorize_url: str = ""  #: the page of the sign-in; empty: only by a code on a second device
    device_url: str = ""  #: gives codes for a second device (RFC 8628); empty: only by the page
    scopes: tuple[str, ...] = ()  #: what is asked for
    resource: str = ""  #: the address that the token is for (RFC 8707); empty: the server knows by itself
    issuer: str = ""  #: the server's own name, if it is known: an answer of another one is refused (RFC 9207)


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """One credential that a plugin's tools need, as people are asked for it."""

    name: str  #: by which tools find it: ``context.credentials["mail"]``
    kind: CredentialKind
    title: str  #: what it opens, such as ``your mailbox``
    about: str = ""  #: what it is for, in whole sentences
    looks: str = ""  #: how it looks, such as ``it begins with ghp_``
    pattern: str = ""  #: a regular expression that the whole secret matches; empty: anything
    where: str = ""  #: where to get it: an address, or words
    user: str = gettext_noop("Your name there")  #: what the name of a ``login`` is called on the form
    address: str = ""  #: what the server's address is called on the form; empty: none is asked for
    example: str = ""  #: of such an address
    command: str = ""  #: people give it in the course of this command of the plugin; empty: by ``/credentials``
    server: OAuthServer | None = None  #: of kind ``oauth2``

    def problem(self) -> str:
        """What is wrong with the declaration; empty: nothing."""
        if not _NAME.fullmatch(self.name):
            return f"the credential {self.name!r} needs a name like 'mail'"
        if (self.kind == "oauth2") != (self.server is not None):
            return f"the credential {self.name!r} needs a `server` if it is of kind 'oauth2', and only then"
        if self.server is not None and not (self.server.authorize_url or self.server.device_url):
            return f"the credential {self.name!r} needs an authorize_url or a device_url"
        try:
            re.compile(self.pattern)
        except re.error as error:
            return f"the pattern of the credential {self.name!r} cannot be read: {error}"
        return ""


class GivenCredential(msgspec.Struct, frozen=True, kw_only=True):
    """A credential of one person, for one call. Printing it shows nothing."""

    secret: str  #: the token, the password, or the access token
    user: str = ""  #: the name that belongs to it
    address: str = ""  #: of the server

    def __repr__(self) -> str:
        return "GivenCredential(***)"


class CredentialError(PluginError):
    """A tool needs a credential that it does not have, or that the other side refuses. Not a failure of the plugin."""

    def __init__(self, name: str, lack: Lack = "refused", why: str = "") -> None:
        """Raise it in a tool whose credential was refused: the person is told, and can renew it with a button.

        Args:
            name: of the credential, as the plugin declares it.
            lack: why the tool does not have it.
            why: a clause for the person: "the server does not know the token". It must not hold the credential.
        """
        super().__init__(f"the credential {name!r} is {lack}")
        self.name, self.why = name, why
        self.lack: Lack = lack


class GivesCredentials(Protocol):
    """What can be done about one person's credentials of one plugin."""

    async def form(self, name: str) -> str:
        """Make a page on which the person gives a credential. Returns its address, which works once; empty: no page."""
        ...

    async def remove(self, name: str) -> bool:
        """Erase a credential. Returns whether there was one."""
        ...

    async def refused(self, name: str, used: str) -> None:
        """Note that the other side does not take the secret that was used: no call gets it from now on."""
        ...


class Credentials(Mapping[str, GivenCredential]):
    """The credentials of one person that one call may use. Looking for another one raises :class:`CredentialError`."""

    def __init__(
        self, found: Mapping[str, GivenCredential] | None = None, safe: GivesCredentials | None = None
    ) -> None:
        """Args:
        found: what the call may use, by name.
        safe: asks for them, and erases them; None: nobody can be asked.
        """
        self._found = dict(found or {})
        self._safe = safe

    def __getitem__(self, name: str) -> GivenCredential:
        return self._found[name] if name in self._found else self.__missing__(name)

    def __missing__(self, name: str) -> NoReturn:
        raise CredentialError(name, "missing")

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def get(self, name: str, default: GivenCredential | None = None) -> GivenCredential | None:  # type: ignore[override]
        """A credential, or ``default`` where the call has none of this name."""
        return self._found.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    async def form(self, name: str) -> str:
        """Make a page on which the person gives a credential. Returns its address, which works once; empty: no page."""
        return "" if self._safe is None else await self._safe.form(name)

    async def remove(self, name: str) -> None:
        """Erase a credential, if there is one."""
        self._found.pop(name, None)
        if self._safe is not None:
            await self._safe.remove(name)

    async def refused(self, name: str) -> None:
        """Note that the other side does not take a credential any more: no call gets it from now on."""
        if self._safe is not None and name in self._found:
            await self._safe.refused(name, self._found[name].secret)
