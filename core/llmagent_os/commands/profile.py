"""``/profile``: shows what is known about a person, and changes it."""

from __future__ import annotations

import msgspec

from llmagent_os.adapter import Button, Reply
from llmagent_os.commands.taste_report import styles_of, taste_report
from llmagent_os.commands.withdrawal_notice import withdrawal_notice
from llmagent_os.events import Command, Event
from llmagent_os.feedback.reason_questions import ASK_WHY
from llmagent_os.identity import PersonId, identity_of
from llmagent_os.languages import LANGUAGES, gettext, lazy_gettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.people.profiles import Profile, Profiles
from llmagent_os.privacy.consent import LEARNING, SWITCHES, is_withdrawal
from llmagent_os.reply.exchange import open_exchange
from llmagent_os.reply.memory_answers import told_report
from llmagent_os.reply.plugin_calls import follow_profile
from llmagent_os.reply.remembering import remembered_of
from llmagent_os.reply.services import Services

_NO_PROFILES = lazy_gettext("I keep no profiles here.")
_NOTHING_KNOWN = lazy_gettext(
    "You have told me nothing about yourself yet: tell me your name, where you are, or how you like to be answered."
)

STILL_REMEMBERED = lazy_gettext(
    "I still remember what else you told me about yourself: `/memory forget all` deletes it."
)

#: What the fields and the preferences of a profile, and their values, are called. A bot's own are named as they are.
_LABELS = {
    "mode": lazy_gettext("Mode"),
    "verbosity": lazy_gettext("Verbosity"),
    "initiative": lazy_gettext("Initiative"),
    "remember": lazy_gettext("Remember"),
    "learning": lazy_gettext("Learning"),
    "interface": lazy_gettext("Interface"),
    "theme": lazy_gettext("Theme"),
    "training": lazy_gettext("Training"),
}
_VALUES = {
    "task_oriented": lazy_gettext("task oriented"),
    "conversational": lazy_gettext("conversational"),
    "brief": lazy_gettext("brief"),
    "normal": lazy_gettext("normal"),
    "detailed": lazy_gettext("detailed"),
    "act": lazy_gettext("act"),
    "ask_first": lazy_gettext("ask first"),
    "on": lazy_gettext("on"),
    "off": lazy_gettext("off"),
    "text": lazy_gettext("text"),
    "voice": lazy_gettext("voice"),
    "graphics": lazy_gettext("graphics"),
    "light": lazy_gettext("light"),
    "dark": lazy_gettext("dark"),
}


async def profile(services: Services, command: Command) -> Reply:
    """Answer ``/profile``, ``/profile undo``, ``/profile clear`` and the like."""
    return await change_or_show(services, command, command.arguments.strip().lower())


async def change_or_show(services: Services, event: Event, what: str) -> Reply:
    """Show the profile of the person who did ``event``, or change it.

    Args:
        services: has the profiles.
        event: a command, or a button of an earlier answer.
        what: empty, ``undo``, ``clear``, ``clear FIELD``, ``learning on``, ``learning off``, ``ask why on``,
            ``ask why off`` or ``set STYLE``.
    """
    profiles = services.profiles
    if profiles is None:
        return Reply(str(_NO_PROFILES))
    if not what:
        return await _show(services, event)
    person_id = await services.directory.person_of(identity_of(event))
    if what == "undo" or what.startswith("clear"):
        exchange = await open_exchange(services, event, intent="command", turns=0)
        if what == "undo":
            reply = await _undo(services, profiles, event, person_id)
        else:
            reply = await _clear(profiles, person_id, what.removeprefix("clear").strip())
            if what == "clear" and await remembered_of(services, exchange):
                reply = msgspec.structs.replace(reply, text=f"{reply.text}\n\n{STILL_REMEMBERED}")
        said = await follow_profile(services, exchange, await profiles.get(person_id))
        return msgspec.structs.replace(reply, text="\n\n".join([reply.text, *said]))
    preference = _preference(services, what)
    if preference is None:
        return Reply(_unknown(services, what))
    name, value = preference
    changed = await profiles.update(person_id, **{name: value})
    if (name, value) == (LEARNING, "off"):
        return _shown(changed, await _stop_learning(services, event))
    there = services.behavior.dimensions_on(event.conversation.platform)
    if name in services.behavior.dimensions and value not in there.get(name, ()):
        return _shown(changed, gettext("Done. I will answer you so wherever I can. On this platform I cannot."))
    return _shown(changed, gettext("Done."))


async def _stop_learning(services: Services, event: Event) -> str:
    """Take back what was trained on the person, who does not want to be learned from any more."""
    done = gettext("Done: I do not learn from your reactions any more.")
    if services.loras is None:
        return done
    versions = await services.loras.take_back(await services.directory.identities_of(identity_of(event)))
    return join_sentences([done, withdrawal_notice(versions) if versions else ""])


async def _show(services: Services, event: Event) -> Reply:
    exchange = await open_exchange(services, event, intent="command", turns=0)
    shown = _shown(exchange.profile, gettext("This is what I know about you."), str(_NOTHING_KNOWN))
    told = await told_report(services, exchange)
    learned = await taste_report(services, exchange)
    return msgspec.structs.replace(shown, text="\n\n".join(filter(None, (shown.text, told, learned))))


async def _undo(services: Services, profiles: Profiles, event: Event, person_id: PersonId) -> Reply:
    before = await profiles.get(person_id)
    restored = await profiles.undo(person_id)
    if restored is None:
        return Reply(gettext("There is nothing to take back."))
    if is_withdrawal(before.preferences, restored.preferences, services.settings.consent):
        return _shown(restored, await _stop_learning(services, event))
    return _shown(restored, gettext("I took the last change back."))


async def _clear(profiles: Profiles, person_id: PersonId, field: str) -> Reply:
    """Empty one field or preference, or everything."""
    known = await profiles.get(person_id)
    if not field:
        # The answer to the question of consent stays: nobody who clears a profile asks for learning to begin again.
        kept = {name: value for name, value in known.preferences.items() if name in SWITCHES}
        known = await profiles.update(person_id, name=None, place=None, time_zone=None, preferences=kept)
    elif field in known.preferences:
        kept = {key: value for key, value in known.preferences.items() if key != field}
        known = await profiles.update(person_id, preferences=kept)
    elif field == "name":
        known = await profiles.update(person_id, name=None)
    elif field == "place":
        known = await profiles.update(person_id, place=None, time_zone=None)
    else:
        has = ", ".join(("name", "place", *known.preferences))
        return Reply(gettext("Your profile has no '{field}'. It has: {fields}.", field=field, fields=has))
    return _shown(known, gettext("Cleared."))


def _preference(services: Services, what: str) -> tuple[str, str | None] | None:
    """The preference that ``what`` sets, and its value; a value of None removes it. None: ``what`` sets none."""
    switch: dict[str, tuple[str, str | None]] = {
        "learning on": (LEARNING, None),
        "learning off": (LEARNING, "off"),
        "ask why on": (ASK_WHY, None),
        "ask why off": (ASK_WHY, "off"),
    }
    if not what.startswith("set "):
        return switch.get(what)
    value = what.removeprefix("set ").strip().replace(" ", "_")
    dimensions = services.behavior.dimensions.items()
    return next(((name, value) for name, values in dimensions if value in values), None)


def _unknown(services: Services, what: str) -> str:
    return gettext(
        "I don't know `/profile {what}`. Try `/profile`, `/profile undo`, `/profile clear`, `/profile clear name`, "
        "`/profile learning off`, `/profile learning on`, `/profile ask why off`, `/profile ask why on` or "
        "`/profile set STYLE` with one of {styles}.",
        what=what,
        styles=", ".join(styles_of(services)),
    )


def _shown(known: Profile, lead: str, nothing: str = "") -> Reply:
    """The profile under ``lead``, or ``nothing`` where it is empty."""
    rows = [
        (gettext("Name"), known.name),
        (gettext("Place"), known.place),
        (gettext("Time zone"), known.known_zone),
        (gettext("Language"), _language(known)),
        *(
            (
                str(_LABELS.get(key, key.replace("_", " ").capitalize())),
                str(_VALUES.get(value, value.replace("_", " "))),
            )
            for key, value in sorted(known.preferences.items())
        ),
    ]
    filled = tuple((label, value) for label, value in rows if value)
    if not filled:
        return Reply(nothing or join_sentences([lead, gettext("Your profile is empty.")]))
    text = "\n".join([lead, *(f"- {label}: {value}" for label, value in filled)])
    return Reply(text, buttons=(Button(gettext("Undo last change"), "agent:undo"),))  # a card would repeat the list


def _language(known: Profile) -> str | None:
    """The language of a person, and how it is known."""
    if known.language not in LANGUAGES or not known.language_from:
        return None
    name = LANGUAGES[known.language]
    if known.chosen_language:
        return gettext("{language} (you chose it; `/language` changes it)", language=name)
    return gettext("{language} (you write in it; `/language` changes it)", language=name)
