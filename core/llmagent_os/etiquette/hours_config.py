"""``[hours]`` in a bot's TOML file: when the bot works, and when it begins nothing by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from string import Formatter
from typing import Annotated, Any, Literal, Self, cast
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from llmagent_os.etiquette.time_spans import TimeSpan, never_ends, parse_span
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.languages.written_phrases import weekday_text
from llmagent_os.people.time_zones import is_known, zone_or

#: What becomes of messages outside of the working hours: a sentence; a sentence, and the answer when the bot works
#: again; or the answer, as at any other time.
AfterHours = Literal["notice", "answer_later", "answer"]

#: The names of the days in TOML, Monday first, as ``date.weekday`` counts.
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

#: How far ahead an opening is looked for. A bot that is closed for longer names no opening.
DAYS_AHEAD = 60

#: What people read outside of the working hours, where the bot names no sentence of its own.
SENTENCE = lazy_gettext("I am not at work now. I am back {opening}.")
SENTENCE_LATER = lazy_gettext("I am not at work now. I answer you when I am back, {opening}.")


def _spans(value: Any) -> Any:
    """Read one span or several, each a text."""
    texts = cast("Sequence[object]", [value] if isinstance(value, str) else value)
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError('write spans of time, such as "09:00-17:00" or ["09:00-12:00", "13:00-17:00"]')
    return tuple(str(parse_span(str(text))) for text in texts)


def _zone(name: str) -> str:
    if name and not is_known(name):
        raise ValueError("this machine has no such time zone; write one like Europe/Berlin")
    return name


def _sentence(text: str) -> str:
    try:
        names = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise ValueError(f"{error}; write {{opening}} where the time of the opening should stand") from error
    if names - {"opening"}:
        raise ValueError(f"nothing stands for {{{min(names - {'opening'})}}}; only {{opening}} can be filled in")
    return text


_TEXT = {"type": "string"}
#: Spans of the clock: a text, or a list of texts.
Spans = Annotated[
    tuple[str, ...],
    BeforeValidator(_spans),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}),
]


class HoursConfig(BaseModel):
    """The hours of a bot. Nothing named: the bot always works, and may begin something at any time.

    >>> hours = HoursConfig.model_validate({"working": {"monday": "09:00-17:00"}, "time_zone": "UTC"})
    >>> hours.opening(datetime(2026, 11, 23, 8, tzinfo=ZoneInfo("UTC"))).isoformat()
    '2026-11-23T09:00:00+00:00'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_zone: Annotated[str, AfterValidator(_zone)] = ""  #: IANA name; empty: the machine's
    quiet: Spans = ()  #: when the bot begins nothing by itself, on every day
    working: dict[str, Spans] | None = None  #: by weekday, when the bot works; None: always
    holidays: tuple[date, ...] = ()  #: days on which no working hours begin
    after_hours: AfterHours = "notice"  #: what becomes of messages outside of the working hours
    sentence: Annotated[str, AfterValidator(_sentence)] = Field(default="", max_length=1000)  #: said then; empty: ours

    @model_validator(mode="after")
    def _has_days(self) -> Self:
        for name in self.working or {}:
            if name not in WEEKDAYS:
                raise ValueError(f"`hours.working.{name}` is no day; there are: {', '.join(WEEKDAYS)}")
        if self.working is not None and not any(self.working.values()):
            raise ValueError("`hours.working` has no hours: name a day and its spans, or leave the table out")
        if never_ends(self.quiet_spans):
            raise ValueError("`hours.quiet` covers the whole day: leave some time at which the bot may begin something")
        return self

    @property
    def quiet_spans(self) -> tuple[TimeSpan, ...]:
        """When the bot begins nothing by itself."""
        return tuple(map(parse_span, self.quiet))

    def zone(self, default: str) -> ZoneInfo:
        """The bot's time zone, or that of the machine."""
        return zone_or(self.time_zone, default)

    def is_working(self, now: datetime, default_zone: str = "UTC") -> bool:
        """Whether the bot works at ``now``, which is aware."""
        return self.working is None or any(begins <= now < ends for begins, ends in self._near(now, default_zone, 1))

    def opening(self, now: datetime, default_zone: str = "UTC") -> datetime | None:
        """When the bot works again, in UTC. None: not within :data:`DAYS_AHEAD` days, or it works at ``now``."""
        if self.is_working(now, default_zone):
            return None
        return min((begins for begins, _ in self._near(now, default_zone, DAYS_AHEAD) if begins > now), default=None)

    def _near(self, now: datetime, default_zone: str, days: int) -> Iterable[tuple[datetime, datetime]]:
        """The working hours from yesterday on."""
        zone = self.zone(default_zone)
        today = now.astimezone(zone).date()
        for day in (today + timedelta(days=number) for number in range(-1, days + 1)):
            if day in self.holidays:
                continue
            for span in (self.working or {}).get(WEEKDAYS[day.weekday()], ()):
                yield parse_span(span).on(day, zone)

    def said(self, opening: datetime | None, default_zone: str = "UTC") -> str:
        """What people read outside of the working hours.

        Args:
            opening: when the bot works again; None: not soon.
            default_zone: of the machine.
        """
        is_kept = self.after_hours == "answer_later" and opening is not None  # without an end in sight nothing is kept
        text = self.sentence or str(SENTENCE_LATER if is_kept else SENTENCE)
        if opening is None:
            return text.format(opening=gettext("later"))
        local = opening.astimezone(self.zone(default_zone))
        when = gettext("on {day} at {time}", day=weekday_text(local), time=f"{local:%H:%M}")
        return text.format(opening=when)
