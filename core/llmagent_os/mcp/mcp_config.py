"""``[mcp]`` in a bot's TOML file: the servers whose tools the bot has.

No secret stands in the file: a value names an environment variable, ``$NAME``, which a ``.env`` file may hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from llmagent_os.config.secret_text import kind_of
from llmagent_os.config.user_path import user_path
from llmagent_os.errors import WrongValuesError
from llmagent_os.plugin import Effect

#: Begins the permission of every tool of a server.
PERMISSION = "mcp"

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_SECRET_NAME = re.compile(r"token|secret|password|passwd|key|auth|cookie|credential", re.IGNORECASE)
#: A server's name: it begins the names and the permissions of its tools.
_SERVER_NAME = r"^[a-z][a-z0-9_]{0,29}$"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

Texts = Mapping[str, str]


def variables_in(text: str) -> Iterator[str]:
    """The names of the environment variables that ``text`` names.

    >>> list(variables_in("Bearer ${GITHUB_TOKEN}"))
    ['GITHUB_TOKEN']
    """
    return (found[1] or found[2] for found in _VARIABLE.finditer(text))


def filled(text: str, variables: Mapping[str, str]) -> str:
    """``text`` with the values of the variables that it names. A variable that is not there is empty.

    >>> filled("Bearer $KEY", {"KEY": "k1"})
    'Bearer k1'
    """
    return _VARIABLE.sub(lambda found: variables.get(found[1] or found[2], ""), text)


def _known_names(servers: object) -> object:
    """Check the names of the servers here, where the place of each is known."""
    named: object = servers
    if isinstance(named, dict):
        names = cast("dict[object, object]", named)
        wrong = [
            ((str(name),), f"`{name}` is no name of a server: write a to z, 0 to 9 and _, a letter first, at most 30")
            for name in names
            if not re.fullmatch(_SERVER_NAME, str(name))
        ]
        if wrong:
            raise WrongValuesError(wrong)
    return servers


class ServerConfig(BaseModel):
    """``[mcp.servers.NAME]``: one server of tools, a program on this machine or an address on the web."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str = ""  #: the program, which speaks on its standard input and output
    args: tuple[str, ...] = ()  #: of the program
    env: dict[str, str] = {}  #: variables of the program; secrets as ``$NAME``. It gets no other variable of the bot's
    folder: str = ""  #: in which the program runs; empty: a temporary one
    url: str = ""  #: the address of a server that speaks streamable HTTP
    headers: dict[str, str] = {}  #: sent with every request; secrets as ``$NAME``
    tools: tuple[str, ...] = ("*",)  #: the tools that the bot has, as the server calls them, with wildcards
    permission: str = ""  #: that all tools need; empty: ``mcp.SERVER.TOOL``
    #: what tools do, by the server's name for them, with wildcards. The word of a server itself is not enough.
    effects: dict[str, Effect] = {}
    trust_hints: bool = False  #: what the server says that its tools do is true, where ``effects`` says nothing
    timeout: float = Field(default=30.0, gt=0, le=600)  #: seconds for one call
    #: what each person gives: nothing; a token by ``/credentials``; or a sign-in by OAuth 2.1 on a page
    sign_in: Literal["none", "token", "oauth"] = "none"
    token_variable: str = ""  #: of the program, which gets the person's token in it
    client_id: str = ""  #: of this installation at the sign-in; empty: it registers itself (RFC 7591)
    client_secret: str = ""  #: that belongs to it, as ``$NAME``; empty: none
    scopes: tuple[str, ...] = ()  #: that the sign-in asks for; none: what the server says
    per_person: bool = False  #: each person has a session, or a program, of their own
    private_addresses: bool = False  #: the address may be one of this machine or its network

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        wrong = [*self._transport_mistakes(), *self._secret_mistakes(), *self._sign_in_mistakes()]
        if wrong:
            raise WrongValuesError(wrong)
        return self

    def _transport_mistakes(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        if bool(self.command) == bool(self.url):
            yield (), "a server has either a `command`, a program on this machine, or a `url`"
        for name, unusual in (("args", self.args), ("env", self.env), ("folder", self.folder)):
            if self.url and unusual:
                yield (name,), f"`{name}` is for a `command`: a server at a `url` has none"
        if self.command and self.headers:
            yield ("headers",), "`headers` is for a `url`: a program has `env`"
        if self.url:
            parts = urlsplit(self.url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
                yield ("url",), f"`url` cannot be {self.url!r}: write https://HOST/PATH, without a password"
            elif parts.scheme == "http" and not self.private_addresses and parts.hostname not in _LOOPBACK:
                yield ("url",), "`url` sends everything in the open: write https://, or `private_addresses = true`"

    def _secret_mistakes(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        named: list[tuple[tuple[str, ...], str, str]] = [
            (("env", name), name, value) for name, value in self.env.items()
        ]
        named += [(("headers", name), name, value) for name, value in self.headers.items()]
        named += [(("client_secret",), "client_secret", self.client_secret)]
        for path, name, value in named:
            is_secret = _SECRET_NAME.search(name) or kind_of(value) is not None
            if value and is_secret and not any(True for _ in variables_in(value)):
                yield path, f"`{name}` is a secret: write it into .env, and `$VARIABLE` here"

    def _sign_in_mistakes(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        if self.sign_in == "oauth" and self.command:
            yield ("sign_in",), '`sign_in` "oauth" is for a `url`: a program takes a "token"'
        if self.sign_in == "token" and self.command and not self.token_variable:
            yield ("sign_in",), '`sign_in` "token" needs `token_variable`, in which the program gets it'
        if self.token_variable and not (self.command and self.sign_in == "token"):
            yield ("token_variable",), '`token_variable` is for a `command` with `sign_in = "token"`'
        if self.sign_in != "oauth" and (self.client_id or self.client_secret or self.scopes):
            yield ("sign_in",), '`client_id`, `client_secret` and `scopes` are for `sign_in = "oauth"`'

    @property
    def is_per_person(self) -> bool:
        """Whether each person has a session of their own."""
        return self.per_person or self.sign_in != "none"

    @property
    def reaches_private(self) -> bool:
        """Whether the address may be one of this machine or its network: the file says so, or names this machine."""
        return self.private_addresses or urlsplit(self.url).hostname in _LOOPBACK

    @property
    def variables(self) -> frozenset[str]:
        """The environment variables that the settings name."""
        texts = (*self.env.values(), *self.headers.values(), self.client_secret)
        return frozenset(name for text in texts for name in variables_in(text))

    def in_folder(self, bot_folder: Path) -> Self:
        """The settings with the program's folder as a path of its own, not one beside the bot's file."""
        if not self.folder:
            return self
        return self.model_copy(update={"folder": str(bot_folder / user_path(self.folder))})

    def has_tool(self, name: str) -> bool:
        """Whether the bot has the server's tool ``name``."""
        return any(fnmatchcase(name, pattern) for pattern in self.tools)

    def effect_of(self, name: str) -> Effect | None:
        """What the file says that the server's tool ``name`` does. None: it says nothing."""
        if name in self.effects:
            return self.effects[name]
        return next((effect for pattern, effect in self.effects.items() if fnmatchcase(name, pattern)), None)


class ServeConfig(BaseModel):
    """``[mcp.serve]``: the running bot offers its own tools to other programs, by HTTP."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: int = Field(ge=1, le=65_535)  #: to listen on
    host: str = "127.0.0.1"  #: address to listen on
    names: tuple[str, ...] = ()  #: of hosts besides this machine's, under which the server is reached

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if self.host not in _LOOPBACK and not self.names:
            raise ValueError(f"`host = {self.host!r}` lets other machines in: `names` must say how they call this one")
        return self


class MCPConfig(BaseModel):
    """``[mcp]``: servers of tools, by name, and whether the bot's own tools are offered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    servers: Annotated[dict[str, ServerConfig], BeforeValidator(_known_names)] = {}  #: by name
    serve: ServeConfig | None = None  #: offers the bot's tools; None: only `mcp serve` does

    @property
    def variables(self) -> frozenset[str]:
        """The environment variables that the settings of all servers name."""
        return frozenset(name for server in self.servers.values() for name in server.variables)

    def is_of_server(self, pattern: str) -> bool:
        """Whether a pattern of permissions can mean a tool of one of the servers, which may not be reached yet."""
        own = {each.permission for each in self.servers.values()} - {""}
        if any(fnmatchcase(permission, pattern) for permission in own):
            return True
        return any(_may_match(pattern, f"{PERMISSION}.{name}.") for name in self.servers)


def _may_match(pattern: str, start: str) -> bool:
    """Whether something that begins with ``start`` can match ``pattern``."""
    fixed = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    return fixed.startswith(start) or (fixed != pattern and start.startswith(fixed))


def unset_variables(servers: Mapping[str, ServerConfig], known: Iterable[str]) -> list[tuple[str, str]]:
    """The variables that servers name and nobody has set: the server's name, and the variable's."""
    there = set(known)
    return [(name, each) for name, server in servers.items() for each in sorted(server.variables - there)]
