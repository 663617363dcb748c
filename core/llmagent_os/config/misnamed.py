"""Variables that look like settings and are none: misspelt ones, and the names that other programs use."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

from llmagent_os.config.secret_text import clean_token, kind_of

PREFIX = "LLMAGENT_OS_"  #: of our environment variables

#: Names of other programs and of older documentation, and our names for the same.
OTHER_NAMES: Mapping[str, str] = {
    "SLACK_TOKEN": "SLACK_BOT_TOKEN",
    "SLACK_API_TOKEN": "SLACK_BOT_TOKEN",
    "SLACK_KEY": "SLACK_BOT_TOKEN",
    "SLACK_ACCESS_TOKEN": "SLACK_BOT_TOKEN",
    "SLACK_OAUTH_TOKEN": "SLACK_BOT_TOKEN",
    "SLACK_BOT_OAUTH_TOKEN": "SLACK_BOT_TOKEN",
    "SLACK_BOT_USER_OAUTH_TOKEN": "SLACK_BOT_TOKEN",
    "SLACK_BOT_USER_TOKEN": "SLACK_BOT_TOKEN",
    "SLACK_APP_LEVEL_TOKEN": "SLACK_APP_TOKEN",
    "SLACK_SOCKET_TOKEN": "SLACK_APP_TOKEN",
    "SLACK_SECRET": "SLACK_SIGNING_SECRET",
    "SLACK_SIGNING_KEY": "SLACK_SIGNING_SECRET",
    "DISCORD_BOT_TOKEN": "DISCORD_TOKEN",
    "DISCORD_API_TOKEN": "DISCORD_TOKEN",
    "DISCORD_API_KEY": "DISCORD_TOKEN",
    "DISCORD_KEY": "DISCORD_TOKEN",
    "DISCORD_SECRET": "DISCORD_TOKEN",
    "TELEGRAM_BOT_TOKEN": "TELEGRAM_TOKEN",
    "TELEGRAM_API_TOKEN": "TELEGRAM_TOKEN",
    "TELEGRAM_API_KEY": "TELEGRAM_TOKEN",
    "TELEGRAM_BOT_API_TOKEN": "TELEGRAM_TOKEN",
    "TELEGRAM_KEY": "TELEGRAM_TOKEN",
    "TG_TOKEN": "TELEGRAM_TOKEN",
    "TG_BOT_TOKEN": "TELEGRAM_TOKEN",
    "OPENAI_MODEL": "LLMAGENT_OS_MODEL",
    "OPENAI_KEY": "LLMAGENT_OS_API_KEY",
    "OPENAI_TOKEN": "LLMAGENT_OS_API_KEY",
    "OPENAI_API_BASE": "LLMAGENT_OS_BASE_URL",
    "OPENAI_URL": "LLMAGENT_OS_BASE_URL",
    "LLMAGENT_OS_PORT": "LLMAGENT_OS_WEB_PORT",
    "LLMAGENT_OS_HOST": "LLMAGENT_OS_WEB_HOST",
    "LLMAGENT_OS_TOKEN": "LLMAGENT_OS_WEB_TOKEN",
    "LLMAGENT_OS_PASSWORD": "LLMAGENT_OS_WEB_TOKEN",
    "LLMAGENT_OS_KEY": "LLMAGENT_OS_API_KEY",
    "LLMAGENT_OS_URL": "LLMAGENT_OS_BASE_URL",
    "LLMAGENT_OS_DATA_FOLDER": "LLMAGENT_OS_DATA",
    "LLMAGENT_OS_DATA_DIR": "LLMAGENT_OS_DATA",
    "LLMAGENT_OS_LEDGER": "LLMAGENT_OS_DATABASE_URL",
    "LLMAGENT_OS_TZ": "LLMAGENT_OS_TIME_ZONE",
    "LLMAGENT_OS_PLUGINS": "LLMAGENT_OS_PLUGIN_FOLDER",
    "LLMAGENT_OS_ADMIN": "LLMAGENT_OS_ADMINS",
}
#: A name that does not say which platform. The value may.
_ANY_PLATFORM = "BOT_TOKEN"
#: Names that programs of every kind use. Only a value in the form of one of our tokens shows that it is meant for us.
_ANY_PROGRAM = frozenset({"TOKEN", "API_TOKEN", "APP_TOKEN"})
_TOKENS = ("SLACK_BOT_TOKEN", "DISCORD_TOKEN", "TELEGRAM_TOKEN")
_LIKE_OURS = re.compile(r"(SLACK|DISCORD|TELEGRAM|LLM_?AGENTS?_?OS)_|\w+_(TOKEN|SECRET|URL|HOST|PORT)$")
_ON_A_PLATFORM = re.compile(r"(SLACK|DISCORD|TELEGRAM|TG)_\w*(TOKEN|SECRET|KEY)")


def meant_by(name: str, value: str, ours: Collection[str]) -> str:
    """Return the setting, or the settings with "or" between them, that a variable was probably meant for.

    Args:
        name: of the variable, in capitals.
        value: of the variable. The form of a token shows its platform.
        ours: the names of all settings.

    Returns:
        Empty: the variable is a setting, or has nothing to do with us.

    >>> meant_by("TELEGRAM_BOT_TOKEN", "", ["TELEGRAM_TOKEN"])
    'TELEGRAM_TOKEN'
    """
    if name in ours:
        return ""
    stem = name.removeprefix(PREFIX)
    if stem != name and stem in ours:
        return stem  # the platforms' settings have no prefix
    if name in _ANY_PROGRAM:
        return _by_value(value)
    if name == _ANY_PLATFORM:
        return _by_value(value) or " or ".join(_TOKENS)
    if name in OTHER_NAMES:
        return (_by_value(value) if name.endswith("TOKEN") else "") or OTHER_NAMES[name]
    if stem != name or _LIKE_OURS.match(name):
        near = get_close_matches(name, ours, 1, 0.88)
        if near:
            return near[0]
        if stem != name and stem in OTHER_NAMES:
            return OTHER_NAMES[stem]
    return _by_value(value) if _ON_A_PLATFORM.fullmatch(name) else ""


def _by_value(value: str) -> str:
    try:
        kind = kind_of(clean_token(value))
    except ValueError:
        return ""
    return kind.variable if kind else ""
