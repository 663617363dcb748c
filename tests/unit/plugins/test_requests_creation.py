"""New events in people's words. What breaks without this: an event gets another title or time, or is lost."""

from __future__ import annotations

import pytest

from tests.unit.plugins.read_messages import added

#: A message, and the event that it asks for.
ONE = [
    ("could you squeeze in a haircut on saturday morning at 11?", "haircut | on saturday | morning at 11"),
    ("pls book me a massage for next wednesday 5:30pm", "massage | for next wednesday | 5:30pm"),
    ("I'd like to schedule a dentist appointment for monday at 8", "dentist appointment | for monday | at 8"),
    ("let's do lunch with Omar on tuesday at 1", "lunch | with Omar | on tuesday | at 1"),
    ("add a reminder to call the plumber at 4pm", "call the plumber | at 4pm"),
    ("set a reminder for friday 9am: submit timesheet", "submit timesheet | for friday | 9am"),
    ("reminder: pay rent on the 1st", "pay rent | on the 1st"),
    ("please remind me about Ada's birthday on march 3", "Ada's birthday | on march 3"),
    ("can you remind me to take out the bins tonight?", "take out the bins | tonight"),
    ("remind me on sunday evening that the library books are due", "library books are due | on sunday | evening"),
    ("remind me to stretch every hour", "stretch | every hour"),
    ("ping me at 3 about the invoice", "invoice | at 3"),
    ('put "Quarterly Review" on friday at 2pm', "Quarterly Review | on friday | at 2pm"),
    ("add 'board dinner' next thursday at 7:30pm", "board dinner | next thursday | at 7:30pm"),
    ("create an event titled Hackathon on december 12 from 9am to 6pm", "Hackathon | on december 12 | from 9am to 6pm"),
    ("new appointment: eye doctor, december 3, 4pm", "eye doctor | december 3 | 4pm"),
    ("make an appointment with Dr. Lee on thursday at 9", "appointment | with Dr. Lee | on thursday | at 9"),
    ("I've got a parent teacher meeting tomorrow at 6pm", "parent teacher meeting | tomorrow | at 6pm"),
    ("there's a fire drill on monday at 11", "fire drill | on monday | at 11"),
    ("we have a team offsite from december 7 to december 9", "team offsite | from december 7 to december 9"),
    ("we're having dinner with the Smiths on saturday at 8", "dinner | with the Smiths | on saturday | at 8"),
    ("I'm flying to Berlin on december 3rd at 7am", "flying to Berlin | on december 3rd | at 7am"),
    ("I have yoga every tuesday at 6pm", "yoga | at 6pm | every tuesday"),
    ("I need to call the bank tomorrow at 10", "call the bank | tomorrow | at 10"),
    ("I have to pick up the kids at 3:30 today", "pick up the kids | today | at 3:30"),
    ("gotta see the dentist on friday at 9", "see the dentist | on friday | at 9"),
    ("my flight leaves on friday at 6:40am", "flight leaves | on friday | at 6:40am"),
    ("the plumber is coming on tuesday at 9", "plumber is coming | on tuesday | at 9"),
    ("mum's birthday is on may 4", "mum's birthday | on may 4"),
    ("Tom's leaving party, friday 5pm, at the Red Lion", "Tom's leaving party | at the Red Lion | friday | 5pm"),
    ("saturday: brunch with Ines 11am", "brunch | with Ines | saturday | 11am"),
    ("28 Nov 15:00 - call with HR", "call | with HR | 28 Nov | 15:00"),
    ("10am tomorrow interview with Acme Corp", "interview | with Acme Corp | tomorrow | 10am"),
    ("team lunch 12:30 thursday @ Joe's", "team lunch | at Joe's | thursday | 12:30"),
    ("Doctor's appointment 2026-12-01 09:15", "Doctor's appointment | 2026-12-01 | 09:15"),
    ("drinks w/ Sam fri 7", "drinks | with Sam | fri | 7"),
    (
        "piano recital on the 12th of december at 5 in the afternoon in the school hall",
        "piano recital | at the school hall | on the 12th of december | at 5 in the afternoon",
    ),
    ("meeting about the budget with Carla monday 10am", "meeting about the budget | with Carla | monday | 10am"),
    ("call with Bob re: contract tomorrow 4pm", "call with Bob re: contract | tomorrow | 4pm"),
    ("monday 3pm to 4pm sprint planning", "sprint planning | monday | 3pm to 4pm"),
    ("gym 6am tomorrow for 45 mins", "gym | tomorrow | 6am | for 45 mins"),
    ("90 minute massage on sunday at 2", "massage | on sunday | at 2 | 90 minute"),
    (
        "flight BA 2490 from London to Rome on december 4 at 13:05",
        "flight BA 2490 from London to Rome | on december 4 | at 13:05",
    ),
    ("remind me to pay invoice #4711 on friday at noon", "pay invoice #4711 | on friday | at noon"),
    ("add 5k run on saturday at 9", "5k run | on saturday | at 9"),
    ("Year 7 parents evening on december 8 at 18:30", "Year 7 parents evening | on december 8 | at 18:30"),
    ("meet 3 candidates tomorrow at 10", "meet 3 candidates | tomorrow | at 10"),
    ("buy 12 eggs tomorrow at 5pm, remind me", "buy 12 eggs | tomorrow | at 5pm"),
    ("dentist room 204 on friday at 11", "dentist room 204 | on friday | at 11"),
    ("call +49 30 901820 tomorrow at 9", "call +49 30 901820 | tomorrow | at 9"),
    ("add bus 42 to the airport on friday at 5:15am", "bus 42 to the airport | on friday | at 5:15am"),
    ("Windows 11 upgrade session on monday at 2", "Windows 11 upgrade session | on monday | at 2"),
    ("Lena's 30th on saturday at 8pm", "Lena's 30th | on saturday | at 8pm"),
    ("schedule interview 2 of 3 for wednesday at 3", "interview 2 of 3 | for wednesday | at 3"),
    ("add level 2 french class on thursday at 7pm", "level 2 french class | on thursday | at 7pm"),
    ("watch Ocean's 11 on friday at 9pm", "watch Ocean's 11 | on friday | at 9pm"),
    ("remind me to buy milk and call mum tomorrow at 5", "buy milk and call mum | tomorrow | at 5"),
    ("fish and chips with Leo on friday at 7", "fish and chips | with Leo | on friday | at 7"),
    ("add rock and roll night on saturday at 9pm", "rock and roll night | on saturday | at 9pm"),
    (
        "ugh, what a week. Can you add a beer with Tim on friday at 6? Thanks a bunch!",
        "beer | with Tim | on friday | at 6",
    ),
    (
        "So my sister just called, she's so funny. Anyway, please put her visit in for saturday at 3pm",
        "her visit | for saturday | at 3pm",
    ),
    ("I always forget this stuff. remind me to renew my passport on january 5", "renew my passport | on january 5"),
    (
        "sorry to bother you again, but I also need a slot for the car service on monday at 8, if that's ok",
        "car service | on monday | at 8",
    ),
    ("before I forget: parents' evening thursday 7pm!", "parents' evening | thursday | 7pm"),
    (
        "ok so basically I have this thing with legal on friday at 2 and I really can't miss it",
        "? | with legal | on friday | at 2",
    ),
    ("My phone died so I'm writing from the laptop. Add physio for monday at 9:15", "physio | for monday | at 9:15"),
    ("remind me not to eat sugar tomorrow at 9", "not to eat sugar | tomorrow | at 9"),
    ("don't forget to feed the cat tomorrow at 8", "feed the cat | tomorrow | at 8"),
    ("shedule a cal with Jon tomorow at 2pm", "cal | with Jon | tomorrow | at 2pm"),
    ("add dentst apointment on wendesday at 10am", "dentst appointment | on wednesday | at 10am"),
    ("remnd me to by milk tmrw at 5", "by milk | tomorrow | at 5"),
    ("meetng with bob on thrusday at 3", "meeting | with bob | on thursday | at 3"),
    ("lunch tommorow with kate at 1", "lunch | with kate | tomorrow | at 1"),
    ("ad gym fri 6pm", "gym | fri | 6pm"),
    ("remindme to call joe at 4", "call joe | at 4"),
    ("rmind me to cal mum on sundy at 6", "cal mum | on sunday | at 6"),
    ("put brekfast with al on satrday at 8", "brekfast | with al | on saturday | at 8"),
]

#: A message, and the events that it asks for, in order.
SEVERAL = [
    (  # a meal behind a clock time is the next event
        "add gym tomorrow at 7pm, dinner with Leo on saturday at 8pm and lunch with Kim on monday at 1",
        ["gym | tomorrow | at 7pm", "dinner | with Leo | on saturday | at 8pm", "lunch | with Kim | on monday | at 1"],
    ),
    ("add dentist friday 10am, haircut saturday 2pm", ["dentist | friday | 10am", "haircut | saturday | 2pm"]),
    ("dentist on friday at 10 and gym at 6", ["dentist | on friday | at 10", "gym | on friday | at 6"]),
    (
        "add lunch with Priya tomorrow at noon, also remind me at 5 to call mum",
        ["lunch | with Priya | tomorrow | at noon", "call mum | at 5"],
    ),
    (
        "1. dentist friday 10am\n2. haircut saturday 2pm\n3. vet monday 9am",
        ["dentist | friday | 10am", "haircut | saturday | 2pm", "vet | monday | 9am"],
    ),
    ("- call Ana tomorrow 9am\n- gym tomorrow 6pm", ["call Ana | tomorrow | 9am", "gym | tomorrow | 6pm"]),
    ("Add these:\ndentist friday 10am\nhaircut saturday 2pm", ["dentist | friday | 10am", "haircut | saturday | 2pm"]),
    (
        "put yoga on monday at 7, pilates on tuesday at 7 and spinning on friday at 6",
        ["yoga | on monday | at 7", "pilates | on tuesday | at 7", "spinning | on friday | at 6"],
    ),
    (
        "remind me to water the plants tomorrow at 8 and to feed the cat at 9",
        ["water the plants | tomorrow | at 8", "feed the cat | tomorrow | at 9"],
    ),
    (
        "schedule a call with Ana and Bo on tuesday at 11 and with Cem on wednesday at 11",
        ["call | with Ana and Bo | on tuesday | at 11", "call | with Cem | on wednesday | at 11"],
    ),
    (
        "add gym on mondays at 7 and swimming on thursdays at 8",
        ["gym | at 7 | on mondays", "swimming | at 8 | on thursdays"],
    ),
    (
        "book a meeting room for tomorrow at 2 then add lunch with Kim on friday at noon",
        ["meeting room | for tomorrow | at 2", "lunch | with Kim | on friday | at noon"],
    ),
]


@pytest.mark.parametrize(("text", "event"), ONE)
def test_one_new_event_is_read_word_for_word(text: str, event: str) -> None:
    assert added(text) == [event]


@pytest.mark.parametrize(("text", "events"), SEVERAL)
def test_several_new_events_are_read_in_order(text: str, events: list[str]) -> None:
    assert added(text) == events
