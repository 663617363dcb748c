"""Which doors of an installation stand open: addresses, passwords and who is answered. Nothing is changed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from llmagent_os.admin.findings import Finding
from llmagent_os.config import PREFIX, Settings
from llmagent_os.people.roles import patterns

#: A password of the web chat with fewer characters can be guessed.
ENOUGH_CHARACTERS = 24

_SECTION = "doors"


def check_doors(settings: Settings) -> Iterator[Finding]:
    """Check who can reach the bot over the network, and whom it answers."""
    yield from _web(settings)
    yield from _listeners(settings)
    yield from _people(settings)
    yield from _sent_in_plain(settings)
    if settings.private_addresses:
        text = f"{PREFIX}PRIVATE_ADDRESSES is on: people can have the bot read addresses of your own network"
        yield Finding(_SECTION, "problem", text, "turn it off, unless everybody who is answered may reach that network")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("bot.example.org")
    (True, True, False, False)
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.rstrip(".").casefold() == "localhost"


def _web(settings: Settings) -> Iterator[Finding]:
    token = settings.web_token.get_secret_value()
    where = f"{settings.web_host}:{settings.web_port}"
    if is_loopback(settings.web_host):
        yield Finding(_SECTION, "ok", f"the web chat is reached from this machine only ({where})")
        if settings.web_origins and not token:
            text = f"{PREFIX}WEB_ORIGINS names a proxy, and the web chat has no password"
            yield Finding(_SECTION, "problem", text, f"set {PREFIX}WEB_TOKEN, or have the proxy ask for a password")
    elif not token:
        text = f"the web chat would be open to the network at {where}: it does not start without a password"
        yield Finding(_SECTION, "problem", text, f"set {PREFIX}WEB_TOKEN, or {PREFIX}WEB_HOST to 127.0.0.1")
    else:
        text = f"the web chat can be reached from the network at {where}, with a password, and without encryption"
        yield Finding(
            _SECTION, "problem", text, f"put a proxy with TLS before it, and set {PREFIX}WEB_HOST to 127.0.0.1"
        )
    if token and len(token) < ENOUGH_CHARACTERS:
        text = f"{PREFIX}WEB_TOKEN has {len(token)} characters, which can be guessed"
        remedy = "set it to the output of `python -c 'import secrets; print(secrets.token_urlsafe(24))'`"
        yield Finding(_SECTION, "problem", text, remedy)


def _listeners(settings: Settings) -> Iterator[Finding]:
    used = {
        "SLACK_HTTP_HOST": (bool(settings.slack_signing_secret.get_secret_value()), settings.slack_http_host),
        "TELEGRAM_HTTP_HOST": (bool(settings.telegram_webhook_url), settings.telegram_http_host),
        f"{PREFIX}PAGES_HOST": (bool(settings.public_url), settings.pages_host),
    }
    for variable, (is_used, host) in used.items():
        if is_used and not is_loopback(host):
            text = f"{variable} is {host}: that port is open to the network, and is not encrypted"
            yield Finding(_SECTION, "problem", text, "set it to 127.0.0.1, and let a proxy with TLS lead there")


def _people(settings: Settings) -> Iterator[Finding]:
    if settings.access == "everyone":
        text = f"{PREFIX}ACCESS is everyone: whoever finds the bot uses your model"
        yield Finding(_SECTION, "problem", text, f"set {PREFIX}ACCESS to pairing, or limit people by [budgets]")
    else:
        yield Finding(_SECTION, "ok", f"strangers are not answered ({PREFIX}ACCESS is {settings.access})")
    for variable, text in (("OWNERS", settings.owners), ("ADMINS", settings.admins), ("ALLOW", settings.allow)):
        for pattern in patterns(text):
            own_id = pattern.partition("@")[0].rpartition(":")[2]
            if own_id == "*" and (variable != "ALLOW" or "*" in pattern.rpartition(":")[0]):
                what = "is answered" if variable == "ALLOW" else f"is one of the {variable.lower()}"
                said = f"{PREFIX}{variable} holds {pattern!r}: everybody whom it fits {what}"
                yield Finding(_SECTION, "problem", said, "name the accounts one by one")


def _sent_in_plain(settings: Settings) -> Iterator[Finding]:
    for variable, address in (
        ("BASE_URL", settings.base_url),
        *(("MORE_BASE_URLS", url) for url in settings.server_urls[1:]),
        ("VOICE_BASE_URL", settings.voice_base_url),
        ("EMBEDDINGS_URL", settings.embeddings_url),
        ("PUBLIC_URL", settings.public_url),
    ):
        parts = urlsplit(address)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            text = f"{PREFIX}{variable} begins with http: what people say, and the key, go over the network in plain"
            yield Finding(_SECTION, "problem", text, "use an address that begins with https")
