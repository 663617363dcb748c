"""The calendar's pictures. What breaks without this: a picture shows other events than the calendar, or other days."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from llmagent_os.graphics import THEMES
from llmagent_os.graphics.canvas import Canvas
from llmagent_os.graphics.themes import ThemeName
from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, stable_id
from llmagent_os.plugins.calendar.pictures import calendar_picture
from llmagent_os.plugins.calendar.pictures.drawn_event import DrawnEvent, events_by_day, side_by_side
from llmagent_os.plugins.calendar.pictures.month_picture import paint_month, weeks_of
from llmagent_os.plugins.calendar.pictures.picture_request import asks_for_picture, without_picture_words
from llmagent_os.plugins.calendar.pictures.week_picture import paint_week
from tests.unit.plugins.test_calendar import Person

WEDNESDAY = datetime(2026, 11, 25, 9, 0)


class Painter:
    """A person who asks for pictures, on a Wednesday morning."""

    def __init__(self, zone: str = "Europe/Berlin") -> None:
        self.person = Person(zone=zone, now=WEDNESDAY)

    async def give(self, title: str, start: str, minutes: int = 60, repeat: str = "") -> None:
        event = CalendarEvent(
            event_id=stable_id(title),
            title=title,
            start=datetime.fromisoformat(start),
            minutes=minutes,
            repeat=repeat,
            zone="Europe/Berlin",
        )
        await self.person.records.put(f"event:{event.event_id}", msgspec.to_builtins(event))

    async def say(self, text: str, *, interface: str = "text", theme: ThemeName = "light") -> ToolResult:
        plugins = self.person.plugins
        if not plugins.specs():
            await plugins.add(CalendarPlugin())
        context = replace(self.person.context(text), interface=interface, theme=theme)
        if text.startswith("/"):
            return await plugins.command("calendar", text.removeprefix("/calendar").strip(), context)
        read = await plugins.requests_in(context)
        assert not isinstance(read, ToolResult)
        (call,) = read
        return await plugins.call(call.name, call.arguments, replace(context, call_id=f"{context.call_id}:read.0"))


@pytest.fixture
async def painter() -> Painter:
    painter = Painter()
    await painter.give("gym", "2026-11-24T18:00", repeat="FREQ=WEEKLY;BYDAY=TU,FR")
    await painter.give("dentist", "2026-12-02T10:00")
    await painter.give("party", "2026-12-05T22:00", 240)
    return painter


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("show me my week as a picture", "show me my week"),
        ("Can you show me next week as an image, please?", "Can you show me next week"),
        ("picture of december", "show me december"),
        ("please send me a picture of my calendar!", "show me my calendar"),
        ("draw next month", "show me next month"),
        ("next week as a picture", "show me next week"),
    ],
)
def test_words_that_ask_for_a_picture(said: str, question: str) -> None:
    assert asks_for_picture(said)
    assert without_picture_words(said) == question


@pytest.mark.parametrize(
    "said",
    [
        "remind me to take a picture of the moon on friday",
        "add picture day on monday",
        "send me a picture of a cat",
        "draw me like one of your french girls",
        "move the picture of december to friday",
        "delete my picture appointment next week",
        "",
    ],
)
def test_words_that_ask_for_something_else(said: str) -> None:
    assert not asks_for_picture(said)
    assert without_picture_words(said) == said


async def test_a_picture_is_sent_with_the_list_where_it_is_asked_for(painter: Painter) -> None:
    result = await painter.say("show me next week as a picture")
    plain = await painter.say("show me next week")
    assert (result.text, result.card) == (plain.text, plain.card), "the words stay"
    assert plain.pictures == ()
    (picture,) = result.pictures
    assert picture.alt == (
        "Your calendar as a picture, 30 Nov – 6 Dec 2026: Tuesday 1 December 1 event, Wednesday 2 December "
        "1 event, Friday 4 December 1 event, Saturday 5 December 1 event and Sunday 6 December 1 event."
    )
    png = await asyncio.to_thread(Path(picture.path).read_bytes)
    assert Image.open(io.BytesIO(png)).size == (2000, 2100)


async def test_the_interface_graphics_adds_a_picture_to_a_week_and_a_month(painter: Painter) -> None:
    (week,) = (await painter.say("what do i have this week?", interface="graphics")).pictures
    assert "23 – 29 Nov 2026" in week.alt, "the whole week, not what is left of it"
    (month,) = (await painter.say("what do i have next month?", interface="graphics")).pictures
    assert month.alt.startswith("Your calendar as a picture, December 2026; events: 1 on 1 Dec, 1 on 2 Dec,")
    assert (await painter.say("what do i have tomorrow?", interface="graphics")).pictures == ()
    assert (await painter.say("/calendar december", interface="graphics")).pictures
    assert (await painter.say("/calendar december", interface="voice")).pictures == ()


async def test_dark_pictures_are_dark(painter: Painter) -> None:
    corners: list[tuple[int, ...]] = []
    for theme in THEMES:
        (picture,) = (await painter.say("picture of december", theme=theme)).pictures
        png = await asyncio.to_thread(Path(picture.path).read_bytes)
        corners.append(Image.open(io.BytesIO(png)).convert("RGB").getpixel((2, 2)))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert corners == [(255, 255, 255), (0x14, 0x18, 0x1F)]


async def test_a_picture_shows_the_days_of_the_person(painter: Painter) -> None:
    """10 PM on Saturday in Berlin is Sunday morning in Tokyo."""
    painter.person.zone = "Asia/Tokyo"
    (picture,) = (await painter.say("show me next week as a picture")).pictures
    assert "Saturday 5 December 1 event" in picture.alt  # the gym of Friday 6 PM in Berlin, which is 2 AM there
    assert "Sunday 6 December 1 event" in picture.alt
    assert "Friday 4 December" not in picture.alt


async def test_only_the_events_that_are_asked_for_are_drawn(painter: Painter) -> None:
    (picture,) = (await painter.say("my gym sessions in december as a picture")).pictures
    assert "on 1 Dec, 1 on 4 Dec" in picture.alt
    assert "on 2 Dec" not in picture.alt


async def test_what_cannot_be_drawn_is_said(painter: Painter, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "at most 42 days" in (await painter.say("show me the next 3 months as a picture")).text
    monkeypatch.setattr(calendar_picture, "can_draw", lambda: False)
    result = await painter.say("show me next week as a picture")
    assert result.text.startswith("You have 3 events next week")
    assert 'pip install "llmagent-os[graphics]"' in result.text
    assert (await painter.say("show me next week", interface="graphics")).text.endswith("next week.")


async def test_a_drawing_that_fails_costs_no_answer(painter: Painter, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no ink")

    monkeypatch.setattr(calendar_picture, "paint_week", broken)
    result = await painter.say("show me next week as a picture")
    assert result.text.startswith("You have 3 events next week")
    assert result.text.endswith("I could not draw the picture just now.")
    assert (await painter.say("show me next week", interface="graphics")).text.endswith("next week.")


def at(hour: int, minute: int = 0, *, minutes: int = 60, title: str = "x") -> DrawnEvent:
    start = datetime(2026, 12, 1, hour, minute)
    return DrawnEvent(title, start, start + timedelta(minutes=minutes))


def test_events_that_overlap_stand_side_by_side() -> None:
    events = [at(9, minutes=90), at(10), at(10, 30), at(13), at(13, 30, minutes=0), at(15)]
    assert [(place, places) for _, place, places in side_by_side(events)] == [
        (0, 2),
        (1, 2),
        (0, 2),
        (0, 2),
        (1, 2),
        (0, 1),
    ]


class Recorder(Canvas):
    """Keeps what is written, and checks that it is on the canvas."""

    def __init__(self) -> None:
        super().__init__(1000, 780, THEMES["light"])
        self.words: list[str] = []

    def text(self, x: float, y: float, words: str, **more: object) -> None:
        assert 0 <= x <= self.width
        assert 0 <= y <= self.height
        self.words.append(words)


def test_a_full_day_says_how_much_more_there_is() -> None:
    day = date(2026, 12, 1)
    canvas = Recorder()
    many = [at(number, title=f"event {number}") for number in range(1, 20)]
    paint_month(
        canvas, weeks_of(day, date(2026, 12, 31)), (day, date(2026, 12, 31)), {day: many}, day, "December", "UTC"
    )
    shown = [words for words in canvas.words if "event" in words]
    assert f"+{len(many) - len(shown)} more" in canvas.words
    assert shown[0] == "1 AM event 1"


def test_a_week_shows_its_events_from_midnight_to_midnight() -> None:
    days = [date(2026, 11, 30) + timedelta(days=number) for number in range(7)]
    events = events_by_day([], days)
    events[days[1]] = [
        DrawnEvent("fair", datetime(2026, 12, 1), datetime(2026, 12, 2), all_day=True),
        at(0),
        at(23, 45),
    ]
    canvas = Recorder()
    paint_week(canvas, days, events, datetime(2026, 12, 1, 9), "a week", "Europe/Berlin")
    assert {"fair", "x", "Tue 1", "midnight", "11 PM", "Europe/Berlin"} <= set(canvas.words)
