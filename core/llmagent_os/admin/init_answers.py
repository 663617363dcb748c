"""The answers to the questions of ``llmagent-os init``, and what they are in ``.env`` and in a bot's file."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType

import msgspec

from llmagent_os.bot import SERVER, BotConfig
from llmagent_os.config import PREFIX, Settings
from llmagent_os.config.toml_changes import Name, Value
from llmagent_os.privacy.retention import UNTIL_FORGOTTEN, kept_times
from llmagent_os.serving.no_model import NO_MODEL

#: The settings of each platform that a bot needs there, in the order in which they are asked for.
TOKENS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "slack": ("slack_bot_token", "slack_app_token"),
        "discord": ("discord_token",),
        "telegram": ("telegram_token",),
    }
)

#: Who may talk to the bot, and the setting ``LLMAGENT_OS_ACCESS`` for that.
ACCESS: Mapping[str, str] = MappingProxyType({"invited": "pairing", "list": "closed", "everyone": "everyone"})


#: What people could say first to a bot with a plugin.
EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "reminders": "Remind me to call Ana tomorrow at 6pm",
        "todo": "Add milk to my to-do list",
        "notes": "Note: the code of the door is 4711",
        "calendar": "What do I have tomorrow?",
        "finance": "How much did I spend last month?",
        "health": "My blood pressure is 120/80",
    }
)


#: What a plugin keeps or looks up, as the notes for a model name it, in their order.
TOPICS: Mapping[str, str] = MappingProxyType(
    {
        "calendar": "calendar",
        "reminders": "reminders",
        "todo": "tasks",
        "notes": "notes",
        "poll": "polls",
        "feeds": "feeds",
        "finance": "finances",
        "health": "health",
    }
)


class Privacy(msgspec.Struct, frozen=True):
    """What people allow the bot until they say otherwise."""

    about: str  #: in a few words
    remember: bool  #: facts that they state are kept
    learning: bool  #: their reactions teach the bot how to answer them
    training: bool  #: models are trained on their conversations
    days: int = 0  #: after which conversations are deleted, if no other number is given; 0: never


PRIVACY: Mapping[str, Privacy] = MappingProxyType(
    {
        "standard": Privacy("remembers what people state, learns from reactions, trains no model", True, True, False),
        "private": Privacy(
            "remembers and learns nothing; conversations are deleted after 30 days", False, False, False, 30
        ),
        "training": Privacy("as standard, and models may be trained on conversations", True, True, True),
    }
)


class InitAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """What the bot is to be."""

    model: str = NO_MODEL  #: a name, a folder, a hub id, ``openai:MODEL``, or ``none``
    base_url: str = ""  #: of the model's server; empty: OpenAI's cloud, or no server
    api_key: str = ""  #: of that server
    platforms: tuple[str, ...] = ()  #: besides the web
    tokens: Mapping[str, str] = {}  #: by field of the settings
    access: str = "invited"  #: one of :data:`ACCESS`
    allow: str = ""  #: the accounts that are always answered, as ``LLMAGENT_OS_ALLOW`` has them
    plugins: tuple[str, ...] = ()  #: in the order in which their rules read a message
    privacy: str = "standard"  #: one of :data:`PRIVACY`; empty: as the bot's file has it
    days: int = 0  #: after which conversations are deleted; 0: never
    web_port: int = 0  #: another port for the web chat; 0: as the settings have it

    def variables(self, settings: Settings, *, names_model: bool) -> dict[str, str]:
        """The values for ``.env``; an empty one is for a variable that is to have none.

        Args:
            settings: as they are.
            names_model: the file sets ``LLMAGENT_OS_MODEL``, which wins over the bot's own model.
        """
        values = {
            f"{PREFIX}ACCESS": ACCESS[self.access],
            f"{PREFIX}ALLOW": self.allow,
            f"{PREFIX}KEEP_DAYS": _kept(settings.keep_days, self.days),
        }
        if names_model:
            values[f"{PREFIX}MODEL"] = self.model
        if self.model.startswith(SERVER):
            values |= {f"{PREFIX}BASE_URL": self.base_url, f"{PREFIX}API_KEY": self.api_key}
        if self.web_port:
            values[f"{PREFIX}WEB_PORT"] = str(self.web_port)
        return values | {Settings.variable(name): token for name, token in self.tokens.items() if token}

    def bot_values(self, name: str, permissions: tuple[str, ...], config: BotConfig) -> dict[Name, Value]:
        """The values for the bot's file.

        Args:
            name: of the bot.
            permissions: every permission that the chosen plugins ask for.
            config: the bot's file as it is, or that of the bot which is copied.
        """
        found: dict[Name, Value] = {
            ("name",): name,
            ("model",): self.model,
            ("adapters",): ("web", *self.platforms),
            ("plugins",): self.plugins,
            ("permissions",): _patterns(permissions, config, self.plugins),
        }
        if set(self.plugins) != set(config.plugins):  # what it says of itself is what it can do
            found[("examples",)] = tuple(EXAMPLES[each] for each in self.plugins if each in EXAMPLES)
            found[("about",)] = f"I can help with: {', '.join(self.plugins) or 'questions'}."
            if config.notes:
                found[("notes",)] = notes_about(config.notes, config.plugins, self.plugins)
        if chosen := PRIVACY.get(self.privacy):
            found |= {("consent", "remember"): chosen.remember, ("consent", "learning"): chosen.learning}
            found |= {("consent", "training"): chosen.training}
        return found


def notes_about(notes: str, old: tuple[str, ...], new: tuple[str, ...]) -> str:
    """The notes for a model, with the topics of other plugins where they list those of the old ones.

    Notes in a person's own words, without that list, stay as they are.

    >>> notes_about("Use tools for it: calendar, tasks. Be kind.", ("todo", "calendar"), ("notes",))
    'Use tools for it: notes. Be kind.'
    >>> notes_about("Use tools for it: calendar, tasks. Be kind.", ("todo", "calendar"), ())
    'Use tools for it. Be kind.'
    """
    listed = _topics(old)
    if not listed:
        return notes
    now = _topics(new)
    return notes.replace(f": {listed}.", f": {now}." if now else ".")


def _topics(plugins: tuple[str, ...]) -> str:
    return ", ".join([topic for name, topic in TOPICS.items() if name in plugins])


def privacy_of(config: BotConfig) -> str:
    """The one of :data:`PRIVACY` that a bot's file has. Empty: it has none of them."""
    consent = config.consent
    now = (consent.remember, consent.learning, consent.training)
    return next((name for name, each in PRIVACY.items() if (each.remember, each.learning, each.training) == now), "")


def days_of(settings: Settings) -> int:
    """The days after which conversations are deleted; 0: never."""
    time = kept_times(settings.keep_days)["conversations"]
    return 0 if time == UNTIL_FORGOTTEN else time.days


def access_of(settings: Settings) -> str:
    """The one of :data:`ACCESS` that the settings have."""
    return next(name for name, value in ACCESS.items() if value == settings.access)


def _kept(now: str, days: int) -> str:
    """``LLMAGENT_OS_KEEP_DAYS`` with another number for conversations; the other kinds stay."""
    parts = [each.strip() for each in now.split(",") if each.strip()]
    parts = [each for each in parts if each.partition("=")[0].strip() != "conversations"]
    return ",".join([*([f"conversations={days}"] if days else []), *parts])


def _patterns(permissions: tuple[str, ...], config: BotConfig, plugins: tuple[str, ...]) -> tuple[str, ...]:
    """The permissions of the file that still mean something, and all of plugins that are new in it."""
    known = [each for each in config.permissions if any(fnmatchcase(one, each) for one in permissions)]
    groups = dict.fromkeys(f"{each.partition('.')[0]}.*" for each in permissions)
    old = {each.partition(".")[0] for each in config.permissions} if set(config.plugins) & set(plugins) else set[str]()
    return (*known, *(each for each in groups if each.partition(".")[0] not in old and "*" not in known))
