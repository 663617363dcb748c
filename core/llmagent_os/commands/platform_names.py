"""Platforms in words, as people read them."""

from __future__ import annotations

from collections.abc import Iterable

from llmagent_os.identity import Identity, parts_of
from llmagent_os.languages import lazy_gettext

#: The words for platforms whose own name would not be understood.
_NAMES = {
    "web": lazy_gettext("the web chat"),
    "console": lazy_gettext("the terminal"),
    "script": lazy_gettext("scripts"),
}


def platform_name(identity: Identity) -> str:
    """The platform of an account, in words."""
    platform, _, _ = parts_of(identity)
    return str(_NAMES.get(platform, platform.capitalize()))


def platform_names(identities: Iterable[Identity]) -> list[str]:
    """The platforms of accounts, in words, in their order and without repetition.

    >>> from llmagent_os.identity import parse
    >>> platform_names(map(parse, ["slack:T1:U1", "telegram::17", "slack:T2:U5", "web:local:3f"]))
    ['Slack', 'Telegram', 'the web chat']
    """
    return list(dict.fromkeys(platform_name(identity) for identity in identities))
