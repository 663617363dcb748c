"""The form in which a person makes a poll."""

from __future__ import annotations

from datetime import datetime, time

from llmagent_os.languages import gettext, gettext_noop
from llmagent_os.plugin import Form, FormErrors, FormField, FormValues, ToolResult
from llmagent_os.plugins.poll.ballot_box import BallotBox
from llmagent_os.plugins.poll.poll_answers import MAX_CHARACTERS, MAX_OPTION_CHARACTERS, MAX_OPTIONS, open_poll
from llmagent_os.plugins.poll.poll_words import PollWords

_END_OF_DAY = time(23, 59)

NEW_POLL = Form(
    key="new",
    title=gettext_noop("New poll"),
    opened_by=("poll", "poll new"),
    fields=(
        FormField(key="question", label=gettext_noop("Question"), max_length=MAX_CHARACTERS),
        FormField(
            key="options",
            label=gettext_noop("Options"),
            kind="text",
            help=gettext_noop("One in a line, two or more"),
            max_length=MAX_OPTIONS * (MAX_OPTION_CHARACTERS + 1),
        ),
        FormField(key="several", label=gettext_noop("May people choose several?"), kind="yes_no", default="no"),
        FormField(key="named", label=gettext_noop("Show who voted for what?"), kind="yes_no", default="no"),
        FormField(
            key="until",
            label=gettext_noop("Closes at the end of"),
            kind="date",
            required=False,
            help=gettext_noop("Leave it empty to close the poll yourself"),
        ),
    ),
)


async def answer_poll_form(box: BallotBox, values: FormValues) -> ToolResult | FormErrors:
    """Make the poll that was filled in."""
    lines = (" ".join(line.split()) for line in values.text("options").replace("|", "\n").splitlines())
    options = tuple(dict.fromkeys(filter(None, lines)))
    if not 2 <= len(options) <= MAX_OPTIONS:
        return FormErrors({"options": gettext("Give 2 to {most} options, one in a line.", most=MAX_OPTIONS)})
    if any(len(each) > MAX_OPTION_CHARACTERS for each in options):
        return FormErrors(
            {"options": gettext("An option has at most {count} characters.", count=MAX_OPTION_CHARACTERS)}
        )
    day = values.day("until")
    if day is not None and day < box.context.now.date():
        return FormErrors({"until": gettext("That day is over already.")})
    return await open_poll(
        box,
        PollWords(
            question=values.text("question"),
            options=options,
            is_named=values.yes("named"),
            is_several=values.yes("several"),
            until=None if day is None else datetime.combine(day, _END_OF_DAY),
        ),
    )
