"""What people do with the assistant: money, health, and a poll. The same steps in the browser and on each platform."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.platforms.server import PlatformServer
from tests.tour.browser_person import BrowserPerson
from tests.tour.person import Person
from tests.tour.platform_person import PlatformPerson
from tests.tour.transcript import Transcript

#: How long before its time a medicine is set, at least: the command has to be answered by then.
AHEAD = timedelta(seconds=15)
#: How long a reminder is waited for: the minute that is left, and a busy machine.
REMINDER_SECONDS = 150.0


def statement(today: datetime) -> bytes:
    """A statement of a German bank with six months of payments, and a shop whose payments pass a budget."""
    lines = ["Buchungstag;Empfänger;Betrag;Währung"]
    for back in range(6):
        month = (today.replace(day=1) - timedelta(days=30 * back)).replace(day=1)
        lines += [
            f"{month:01.%m.%Y};Stadtwerke;-80,00;EUR",
            f"{month:01.%m.%Y};Acme GmbH;2.900,00;EUR",
            f"{month:01.%m.%Y};Lidl;-{240 + 35 * back},50;EUR",
        ]
    return "\n".join(lines).encode("cp1252")


async def walk_money(ana: Person, transcript: Transcript) -> None:
    """A statement is imported and drawn. Then a budget is passed."""
    transcript.step(ana.place, "a statement and its chart")
    file = {"statement.csv": statement(datetime.now(UTC))}
    asked = await ana.say("/finance import", r"18 transactions.*Shall I import it\?", files=file)
    await ana.picture("statement")
    await ana.press(asked, "Import", r"I have imported 18 transactions\.")
    await ana.command("/finance cashflow", r"2[,.]?900")
    await ana.sees_picture(r"chart: .*cash flow")
    await ana.picture("cash flow")
    await ana.command("/finance spending", r"You spent")
    await ana.sees_picture(r"chart: Spending")
    await ana.picture("spending")
    transcript.step(ana.place, "a budget breach")
    await ana.command("/finance category Lidl = groceries", r"groceries")
    await ana.command("/finance budget groceries 300 EUR", r"300")
    await ana.command("/finance add 75 EUR Lidl", r"budget for groceries.*was passed")
    await ana.command("/finance budgets", r"315[.,]50.*of.*300.*-€15[.,]50")
    await ana.picture("budget breach")


async def set_medicine(ana: Person, transcript: Transcript) -> str:
    """Have the bot remind of a medicine in the next minute; returns the time."""
    transcript.step(ana.place, "a medicine reminder is set")
    at = (datetime.now(UTC) + AHEAD + timedelta(minutes=1)).strftime("%H:%M")
    await ana.command(f"/medicine add Ibuprofen 400 mg at {at}", rf"remind you of Ibuprofen 400 mg every day at {at}")
    await ana.command("/medicine add Warfarin 5 mg at 8:00", r"Warfarin 5 mg with Ibuprofen 400 mg.*bleeding")
    await ana.picture("medicines")
    return at


async def walk_red_flag(ana: Person, transcript: Transcript) -> None:
    """Red flags in plain words, and symptoms without one."""
    transcript.step(ana.place, "a red flag")
    await ana.say("I have a crushing pain in my chest and my left arm feels numb", r"112|911|emergency")
    await ana.picture("red flag")
    await ana.command("/symptoms sneezing, itchy eyes, no fever", r".")
    await ana.picture("symptoms")


async def medicine_comes(ana: Person, at: str, transcript: Transcript) -> None:
    """The reminder comes by itself, and is answered."""
    transcript.step(ana.place, "a medicine reminder fires")
    reminder = await ana.reads(rf"Time for Ibuprofen 400 mg, {at}", REMINDER_SECONDS)
    await ana.picture("reminder")
    await ana.press(reminder, "Taken", r"Noted: taken")


async def walk_poll(server: PlatformServer, ana: PlatformPerson, ben: PlatformPerson) -> None:
    """A poll in a group: two people vote, one changes the vote, and only Ana can close it."""
    ana.transcript.step(server.name, "a poll in a group")
    group = server.group
    line = "/poll Where do we have lunch? | Soup kitchen | Salad bar"
    poll = await ana.command(line, r"Where do we have lunch", channel=group)
    await ana.press(poll, label(poll.buttons, "Soup"), r"Soup kitchen.*1", channel=group)
    await ben.press(poll, label(poll.buttons, "Salad"), r"Salad bar.*1", channel=group)
    await ben.press(poll, label(poll.buttons, "Soup"), r"Soup kitchen.*2", channel=group)
    await ben.is_told_alone("/poll close", r"You have made no poll here", channel=group)
    await ana.press(poll, "Close the poll", r"Soup kitchen.*2", channel=group)
    await ana.command("/poll results", r"The poll is closed", channel=group)
    await ana.sees_picture(r"Where do we have lunch", channel=group)


def label(buttons: tuple[str, ...], beginning: str) -> str:
    """The label of the button that begins so."""
    return next(each for each in buttons if each.startswith(beginning))


async def walk_poll_form(ana: BrowserPerson) -> None:
    """A poll from a form, on the page."""
    ana.transcript.step("browser", "a poll from a form")
    asked = await ana.say("/poll", r".")
    await asked.get_by_role("button", name="New poll").click()
    form = ana.page.get_by_role("form", name="Form: New poll")
    await form.get_by_label("Question").fill("Where do we have lunch?")
    await form.get_by_label("Options").fill("Soup kitchen\nSalad bar")
    send = form.get_by_role("button", name="Send the form")
    await send.scroll_into_view_if_needed()
    await ana.picture("poll form")
    await send.click()
    poll = await ana.answered(0, r"Where do we have lunch")
    await ana.press(poll, "Salad bar", r"1 person has voted.*Salad bar.*1")
    await ana.picture("poll")
    await ana.say("/poll results", r"Salad bar")
    await ana.sees_picture(r"Where do we have lunch\?")
    await ana.picture("poll results")
