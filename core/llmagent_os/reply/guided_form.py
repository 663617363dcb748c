"""A form as questions in the conversation, one at a time, where the platform opens no form.

Choices, defaults and "Back" are buttons. Words answer the question, ``/back`` goes back, and ``/cancel`` or any other
command leaves the form. So do words that cannot be an answer: they are answered as if there were no form.
"""

from __future__ import annotations

from hashlib import sha256

from msgspec.structs import replace

from llmagent_os.adapter import Button, Reply, is_open_to_all
from llmagent_os.events import ButtonPress, Command, Event, Message, event_key
from llmagent_os.forms.form import FormErrors, FormField
from llmagent_os.forms.form_values import problem_with, shown_value, value_of
from llmagent_os.handler import Outcome
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.languages.catalogues import read_all_catalogues
from llmagent_os.reply.exchange import open_exchange
from llmagent_os.reply.form_answer import form_exchange, form_outcome, page_form, result_outcome, submit
from llmagent_os.reply.form_choice import MeantForm, form_named
from llmagent_os.reply.plugin_calls import tool_context
from llmagent_os.reply.rule_answer import answer_urgent
from llmagent_os.reply.services import Services
from llmagent_os.reply.unfinished_form import OPEN_FOR, UnfinishedForm

#: Begins the value of every button of a question. The token, the number of the question and the choice follow.
STEP_BUTTON = "agent:form:"

#: The answer to a button of a question that is not open any more.
OLD = lazy_gettext("That button is no longer open.")
BACK, CANCEL, SKIP = lazy_gettext("Back"), lazy_gettext("Cancel"), lazy_gettext("Skip")

#: From this many words on, what is no day, time, number or choice is no try to write one.
_WORDS_OF_TALK = 5


async def open_form(services: Services, event: Event, meant: MeantForm) -> Outcome:
    """Open a form as the platform has it. It takes the place of an unfinished one."""
    if services.form_ways.get(event.conversation.platform) == "page":
        return await page_form(services, event, meant)
    key = event_key(event)
    before = await services.unfinished_forms.get(services.ledger, event)
    if before is not None and before.last == key:  # run again after a crash
        return await _question(services, event, before, meant)
    form = UnfinishedForm(
        form_id=meant.form.form_id,
        token=sha256(key.encode()).hexdigest()[:8],
        at=services.clock(),
        last=key,
        ask=tuple(field.key for field in meant.form.fields),
    )
    return await _ask(services, event, form, meant)


async def answer_words(services: Services, message: Message, text: str) -> Outcome | str:
    """Take words as the answer to the open question.

    Args:
        services: those of the agent.
        message: what was said.
        text: its words, cleaned.

    Returns:
        The outcome. Where the words answer no question of a form, what is said about the form that they leave; empty:
        there was none.
    """
    form = await services.unfinished_forms.get(services.ledger, message) if message.addressed else None
    if form is None:
        return ""
    is_rerun = form.last == event_key(message)
    meant = _meant(services, form)
    if meant is None or (not is_rerun and (form.is_sent or services.clock() - form.at > OPEN_FOR)):
        await services.unfinished_forms.drop(services.ledger, message)
        return ""
    if (urgent := await answer_urgent(services, await open_exchange(services, message, text))) is not None:
        await services.unfinished_forms.drop(services.ledger, message)
        return urgent
    if is_rerun:
        return await _again(services, message, form, meant)
    await read_all_catalogues()
    if CANCEL.is_said_by(text.capitalize()):
        return await _cancel(services, message, meant)
    if BACK.is_said_by(text.capitalize()):
        return await _back(services, message, form, meant)
    field = _field(meant, form.ask[0])
    if SKIP.is_said_by(text.capitalize()) and not field.is_needed:
        return await _take(services, message, form, meant, "")
    typed = (message.text if field.kind == "text" else text).strip()
    context = tool_context(services, await form_exchange(services, message), "")
    if value_of(field, typed, context.now, context.time_zone) is None:
        if message.attachments or _is_talk(field, typed):
            return await leave_form(services, message)
        wrong = replace(form, errors={**form.errors, field.key: problem_with(field, typed)}, last=event_key(message))
        return await _ask(services, message, wrong, meant)
    return await _take(services, message, form, meant, typed)


async def answer_step(services: Services, press: Event, value: str) -> Outcome:
    """Answer a button of a question. ``value`` may be old, or of another person's form."""
    token, _, rest = value.removeprefix(STEP_BUTTON).partition(":")
    number, _, what = rest.partition(":")
    form = await services.unfinished_forms.get(services.ledger, press)
    meant = None if form is None else _meant(services, form)
    if form is None or meant is None or form.token != token:
        return Outcome(Reply(str(OLD)))
    if form.last == event_key(press):
        return await _again(services, press, form, meant)
    if form.is_sent or str(form.step) != number:
        return Outcome(Reply(str(OLD)))
    field = _field(meant, form.ask[0])
    match what:
        case "cancel":
            return await _cancel(services, press, meant)
        case "back":
            return await _back(services, press, form, meant)
        case "keep" if not field.is_needed or field.key in form.values:
            return await _take(services, press, form, meant, form.values.get(field.key, ""))
        case _ if what.isdecimal() and int(what[:3]) < len(field.choices):
            return await _take(services, press, form, meant, field.choices[int(what[:3])][0])
        case _:
            return Outcome(Reply(str(OLD)))


async def answer_form_command(services: Services, command: Command) -> Outcome | None:
    """Answer ``/cancel`` and ``/back`` while a form is open. None: it is another command, or there is no form."""
    if command.name not in ("cancel", "back"):
        return None
    form = await services.unfinished_forms.get(services.ledger, command)
    meant = None if form is None or form.is_sent else _meant(services, form)
    if form is None or meant is None:
        return None
    is_rerun = form.last == event_key(command)
    if command.name == "cancel":
        return await _cancel(services, command, meant)
    return await (_again if is_rerun else _back)(services, command, form, meant)


async def leave_form(services: Services, event: Event) -> str:
    """Leave the form that is open for the person of ``event``. Returns what is said about it; empty: none was open."""
    if isinstance(event, ButtonPress) and is_open_to_all(event.value):
        return ""
    form = await services.unfinished_forms.get(services.ledger, event)
    if form is None or form.last == event_key(event):
        return ""
    await services.unfinished_forms.drop(services.ledger, event)
    meant = _meant(services, form)
    if form.is_sent or meant is None or services.clock() - form.at > OPEN_FOR:
        return ""
    return gettext("I have put the form “{title}” away.", title=meant.form.title)


def with_note(outcome: Outcome, note: str) -> Outcome:
    """``outcome`` with what is said about a form above its reply. The ledger keeps the reply without it."""
    if not note or outcome.reply is None:
        return outcome
    return replace(outcome, reply=replace(outcome.reply, text=f"{note}\n\n{outcome.reply.text}"))


# ── steps ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _take(services: Services, event: Event, form: UnfinishedForm, meant: MeantForm, typed: str) -> Outcome:
    """Take an answer, and ask the next question or send the form."""
    key = form.ask[0]
    taken = replace(
        form,
        values={**form.values, key: typed},
        errors={name: error for name, error in form.errors.items() if name != key},
        asked=(*form.asked, key),
        ask=form.ask[1:],
        last=event_key(event),
    )
    if taken.ask:
        return await _ask(services, event, taken, meant)
    return await _send(services, event, replace(taken, is_sent=True), meant)


async def _back(services: Services, event: Event, form: UnfinishedForm, meant: MeantForm) -> Outcome:
    before = form.asked[-1:]
    moved = replace(form, asked=form.asked[:-1], ask=(*before, *form.ask), last=event_key(event))
    return await _ask(services, event, moved, meant)


async def _cancel(services: Services, event: Event, meant: MeantForm) -> Outcome:
    await services.unfinished_forms.drop(services.ledger, event)
    said = gettext("I have put the form “{title}” away.", title=meant.form.title)
    return await form_outcome(services, event, Reply(said), is_private=meant.plugin.keeps_private)


async def _again(services: Services, event: Event, form: UnfinishedForm, meant: MeantForm) -> Outcome:
    """Answer an event once more that was taken before a crash."""
    if not form.is_sent:
        return await _question(services, event, form, meant)
    if not form.values:  # the plugin had answered already
        return Outcome(Reply(gettext("I have taken the form “{title}”.", title=meant.form.title)))
    return await _send(services, event, form, meant)


async def _send(services: Services, event: Event, form: UnfinishedForm, meant: MeantForm) -> Outcome:
    """Have the plugin answer. What it finds wrong is asked again."""
    await services.unfinished_forms.put(services.ledger, event, form)
    exchange = await form_exchange(services, event)
    result = await submit(services, exchange, meant, form.values)
    if isinstance(result, FormErrors):
        ask = tuple(field.key for field in meant.form.fields if field.key in result.fields)
        wrong = replace(form, is_sent=False, ask=ask, asked=(), errors=result.fields)
        return await _ask(services, event, wrong, meant)
    await services.unfinished_forms.put(services.ledger, event, replace(form, values={}))
    return await result_outcome(services, exchange, result)


async def _ask(services: Services, event: Event, form: UnfinishedForm, meant: MeantForm) -> Outcome:
    asked = replace(form, at=services.clock(), step=form.step + 1)
    await services.unfinished_forms.put(services.ledger, event, asked)
    return await _question(services, event, asked, meant)


async def _question(services: Services, event: Event, form: UnfinishedForm, meant: MeantForm) -> Outcome:
    """The open question, with a button for each choice."""
    field = _field(meant, form.ask[0])
    place = [each.key for each in meant.form.fields].index(field.key) + 1
    head = gettext(
        "{title}, question {number} of {count}:", title=meant.form.title, number=place, count=len(meant.form.fields)
    )
    lines = [form.errors.get(field.key, ""), head, f"**{field.label}**", field.help]
    buttons = _buttons(form, field)
    if services.form_ways.get(event.conversation.platform) == "numbered" and _takes_numbers(field):
        lines += [", ".join(label for _, label in field.choices), _hint(field)]
        buttons = ()  # a number that answers the question would press one
    reply = Reply("\n".join(filter(None, lines)), buttons=buttons)
    return await form_outcome(services, event, reply, is_private=meant.plugin.keeps_private)


def _buttons(form: UnfinishedForm, field: FormField) -> tuple[Button, ...]:
    begin = f"{STEP_BUTTON}{form.token}:{form.step}:"
    before = form.values.get(field.key, "")
    buttons = [Button(label, f"{begin}{number}") for number, (_, label) in enumerate(field.choices)]
    usual = shown_value(field, before or field.default)
    if before or field.default:
        buttons.append(Button(gettext("Keep “{value}”", value=usual[:40]), f"{begin}keep"))
    elif not field.required:
        buttons.append(Button(str(SKIP), f"{begin}keep"))
    if form.asked:
        buttons.append(Button(str(BACK), f"{begin}back"))
    return (*buttons, Button(str(CANCEL), f"{begin}cancel"))


def _takes_numbers(field: FormField) -> bool:
    return field.kind in ("number", "time") or any(label.isdecimal() for _, label in field.choices)


def _hint(field: FormField) -> str:
    """What can be written beside an answer, where there are no buttons."""
    if field.is_needed:
        return gettext("Write /back to go back, /cancel to stop.")
    return gettext("Write “{skip}” to leave it, /back to go back, /cancel to stop.", skip=str(SKIP).lower())


def _meant(services: Services, form: UnfinishedForm) -> MeantForm | None:
    """The form in the language in force. None: it is not there any more, or has other fields now."""
    allowed = services.settings.permissions
    found = None if services.plugins is None else form_named(services.plugins, form.form_id, allowed=allowed)
    if found is None:
        return None
    meant = MeantForm(*found, found[1].shown(found[0].name))
    known = {field.key for field in meant.form.fields}
    return meant if {*form.ask, *form.asked} <= known and (form.ask or form.is_sent) else None


def _field(meant: MeantForm, key: str) -> FormField:
    return next(field for field in meant.form.fields if field.key == key)


def _is_talk(field: FormField, typed: str) -> bool:
    """Whether words are no try to answer a question that takes a day, a time, a number or a choice."""
    if field.kind in ("line", "text"):
        return False
    return typed.rstrip().endswith(("?", "？")) or len(typed.split()) >= _WORDS_OF_TALK
