"""The names of people and channels, and the languages of people, asked of Slack and kept for some hours.

A name is never worth a message: if Slack does not answer in time, or refuses, the text says "someone" or "a channel".
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Literal

import msgspec
import structlog

from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.adapters.slack.api import Api
from llmagent_os.adapters.slack.errors import RefusedError
from llmagent_os.errors import AdapterError, ConfigError, TryLaterError

_log = structlog.stdlib.get_logger(__name__)

MAX_NAMES = 2000  #: names that are remembered
MAX_QUESTIONS = 10  #: names that one message may ask for
ANSWER_SECONDS = 1.0  #: how long a message waits for names; Slack delivers it again after 3 s
KEEP_SECONDS = 6 * 3600.0  #: how long a name is remembered
KEEP_UNKNOWN_SECONDS = 600.0  #: how long it is remembered that Slack does not say a name

_Kind = Literal["user", "channel"]
_METHODS: dict[_Kind, str] = {"user": "users.info", "channel": "conversations.info"}


class Names:
    """The names that are known."""

    def __init__(self, api: Api | None = None) -> None:
        """Args: ``api`` is Slack's; None: nothing is ever asked."""
        self._api = api
        self._known: BoundedDict[tuple[_Kind, str], tuple[str | None, float]] = BoundedDict(MAX_NAMES)
        self._locales: BoundedDict[str, str] = BoundedDict(MAX_NAMES)
        self._asking: dict[tuple[_Kind, str], asyncio.Task[None]] = {}
        self._refused: set[_Kind] = set()  # what the token's scopes do not allow
        self._tasks = BackgroundTasks()

    def user(self, user_id: str) -> str | None:
        """The name of a person; None if it is not known."""
        return self._known.get(("user", user_id), (None, 0.0))[0]

    def channel(self, channel_id: str) -> str | None:
        """The name of a channel; None if it is not known."""
        return self._known.get(("channel", channel_id), (None, 0.0))[0]

    def locale(self, user_id: str) -> str:
        """The language tag that a person has chosen in Slack; empty if it is not known."""
        return self._locales.get(user_id, "")

    async def learn(self, users: Iterable[str], channels: Iterable[str]) -> None:
        """Ask for the names that are not known, for :data:`ANSWER_SECONDS` at most. Never fails."""
        if self._api is None:
            return
        now = asyncio.get_running_loop().time()
        wanted: list[tuple[_Kind, str]] = []
        wanted.extend(("user", each) for each in users)
        wanted.extend(("channel", each) for each in channels)
        waiting: set[asyncio.Task[None]] = set()
        for key in wanted[:MAX_QUESTIONS]:
            if key[0] in self._refused or self._known.get(key, (None, 0.0))[1] > now:
                continue
            if key not in self._asking:
                self._asking[key] = self._tasks.spawn(self._ask(self._api, *key))
            waiting.add(self._asking[key])
        if waiting:
            await asyncio.wait(waiting, timeout=ANSWER_SECONDS)

    async def close(self) -> None:
        """Stop asking."""
        await self._tasks.close()

    async def _ask(self, api: Api, kind: _Kind, its_id: str) -> None:
        name: str | None = None
        try:
            wants_locale = {"include_locale": True} if kind == "user" else {}
            answer = await api.call(_METHODS[kind], optional=True, **{kind: its_id}, **wants_locale)
            found = _read(answer.get(kind))
            name = found.called
            if found.locale:
                self._locales[its_id] = found.locale
        except RefusedError as error:
            if error.code == "missing_scope":
                self._refused.add(kind)
                _log.warning("slack: names are not shown", what=f"{kind}s", error=str(error))
        except (TryLaterError, AdapterError, ConfigError) as error:
            _log.info("slack: a name is not known", what=kind, error=str(error))
        finally:
            self._asking.pop((kind, its_id), None)
            seconds = KEEP_UNKNOWN_SECONDS if name is None else KEEP_SECONDS
            known = name or self._known.get((kind, its_id), (None, 0.0))[0]  # an old name is better than none
            self._known[kind, its_id] = known, asyncio.get_running_loop().time() + seconds


class _Profile(msgspec.Struct):
    display_name: str | None = None
    real_name: str | None = None


class _Named(msgspec.Struct):
    """A user or a channel."""

    name: str | None = None
    real_name: str | None = None
    profile: _Profile | None = None
    locale: str | None = None  #: of a user

    @property
    def called(self) -> str | None:
        """The name that people see."""
        profile = self.profile or _Profile()
        return profile.display_name or profile.real_name or self.real_name or self.name or None


def _read(raw: Any) -> _Named:
    try:
        return msgspec.convert(raw, _Named)
    except msgspec.ValidationError:
        return _Named()
