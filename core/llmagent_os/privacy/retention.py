"""How long each kind of thing about a person is kept: the one table of these times, with the reason for each.

Rooms above this one take their times from here. The ledger and the files of adapters are below it: they delete by a
number of their own, and this table refers to it. A running host has every store delete what is too old once a day
(:meth:`llmagent_os.privacy.stores.Stores.prune_daily`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from llmagent_os.adapter_kit import files, outgoing_files
from llmagent_os.errors import ConfigError
from llmagent_os.events import now
from llmagent_os.ledger import inbox, memories, plugin_records


class Retention(msgspec.Struct, frozen=True):
    """How long one kind of thing is kept."""

    what: str  #: the kind
    time: timedelta  #: how long; :data:`UNTIL_FORGOTTEN`: no time limit
    why: str  #: the reason for the time


#: The time of what is kept until the person asks to be forgotten, or takes it back.
UNTIL_FORGOTTEN = timedelta.max

FINISHED_EVENTS = Retention(
    "the ids of answered events as pseudonyms, and events given up with what the person wrote",
    timedelta(days=inbox.KEEP_DAYS),
    "Platforms deliver an event again for one day at most, and a redelivery must be recognised. Events given up are "
    "kept for whoever looks for the cause. Contact data in them is not masked, so they are not kept for longer.",
)
FILES = Retention(
    "files that people send",
    timedelta(days=files.KEEP_DAYS),
    "A plugin may read a file in a later turn. After a month nobody comes back to it.",
)
OUTGOING_FILES = Retention(
    "files that plugins make for people, such as exported calendars",
    timedelta(days=outgoing_files.KEEP_DAYS),
    "A page of the web chat may fetch a file later. It can be exported again at any time.",
)
LINK_CODES = Retention(
    "codes of /link",
    timedelta(minutes=10),
    "Long enough to type a code on another platform, and too short to guess it.",
)
ACCESS_REQUESTS = Retention(
    "requests to be let in, with the person's name and code",
    timedelta(hours=1),
    "An admin who is asked answers within the hour, or the person asks again.",
)
WRONG_CODES = Retention(
    "how many wrong codes an identity has given",
    timedelta(hours=1),
    "The limit is a number in an hour. The ledger counts and deletes by this hour itself.",
)
CONFIRMATIONS = Retention(
    "the open question of /forget",
    timedelta(hours=1),
    "Whoever presses the button of an older question has forgotten what it was about. The value ends by this time.",
)
TYPED_SECRETS = Retention(
    "passwords that were typed behind a command which was never answered, sealed",
    timedelta(days=1),
    "They are erased when the command is answered. One that a crash cut short is answered after the next start.",
)
QUESTIONS = Retention(
    "questions whether a call of a model is made, with its arguments",
    timedelta(days=plugin_records.KEEP_QUESTION_DAYS),
    "A question can be answered for a day. The words are deleted when it is answered, the results a day after that.",
)
TOLD_LANGUAGES = Retention(
    "in which conversations a person was told what languages the model understands, as pseudonyms",
    timedelta(days=plugin_records.KEEP_TOLD_DAYS),
    "In a conversation that rests for so long it is said once more.",
)
TRANSCRIPT = Retention(
    "the web chat's transcript",
    UNTIL_FORGOTTEN,
    "People come back to their conversations, as on any other platform.",
)
PROFILE = Retention("profiles and their last changes", UNTIL_FORGOTTEN, "The bot is to know a person next year, too.")
CONVERSATIONS = Retention(
    "interactions with their completions, and rewards",
    UNTIL_FORGOTTEN,
    "Policies and models learn from them, and learn them again from the start after a link or an erasure.",
)
DAMAGED = Retention(
    "rows, messages and profiles that cannot be read",
    UNTIL_FORGOTTEN,
    "They may be repaired. `llmagent-os doctor` lists them, and whoever runs the bot deletes them.",
)
RECORDS = Retention(
    "records and timers of plugins",
    UNTIL_FORGOTTEN,
    "They are the person's own: appointments, reminders. A plugin deletes what it no longer needs.",
)
HELD = Retention(
    "messages that are answered when the bot works again",
    timedelta(days=60),
    "They are answered, and deleted here, when the working hours begin. A later opening is not waited for.",
)
SILENCES = Retention(
    "where the bot is silent, and who brought that about",
    timedelta(days=60),
    "They are deleted on the day after they have ended.",
)
MEMORIES = Retention(
    "facts and preferences that people stated about themselves",
    UNTIL_FORGOTTEN,
    "The bot is to know a person next year, too. `/memory forget` deletes each of them.",
)
ENDED_MEMORIES = Retention(
    "memories that the person has replaced by what they said later",
    timedelta(days=memories.KEEP_ENDED_DAYS),
    "A person who was misunderstood can see what was replaced for a month: `/memory past`.",
)
CONTACTS = Retention(
    "the names by which others find a person, and where the person can be asked",
    UNTIL_FORGOTTEN,
    "An invitation may come next year, too. Nobody finds a person who has turned that off.",
)
ENCOUNTERS = Retention(
    "in which groups a person wrote, as pseudonyms of the groups",
    timedelta(days=90),
    "Who has not written in a group for so long is no acquaintance any more. The ledger deletes them by itself.",
)
KNOWLEDGE = Retention(
    "documents that people taught the bot",
    UNTIL_FORGOTTEN,
    "The bot is to answer from them next year, too. /knowledge removes one.",
)
LINKS = Retention(
    "which accounts are one person",
    UNTIL_FORGOTTEN,
    "/unlink takes a link back.",
)
MEMBERS = Retention(
    "who was let in",
    UNTIL_FORGOTTEN,
    "It is the decision of an admin, and only `llmagent-os people revoke` or /revoke takes it back, not /forget.",
)
USAGE = Retention(
    "how many messages and tokens a person used, and what they cost",
    timedelta(days=400),
    "A budget is for an hour, a day or a month, and bills are looked at for a year. Sums of hours go after two days, "
    "those of days after 62. The ledger deletes them by itself.",
)
AUDIT = Retention(
    "what admins and approvals did",
    UNTIL_FORGOTTEN,
    "Who let somebody in is asked years later. After /forget a pseudonym stands for the person.",
)
LORAS = Retention(
    "versions of LoRAs, and who contributed to them",
    UNTIL_FORGOTTEN,
    "A version may become active again. The files of one that was retired are deleted when people have taken back what "
    "they gave to it, and a person's own are deleted at once.",
)
TRAININGS = Retention(
    "the logs of trainings",
    timedelta(days=30),
    "Whoever looks for the cause of a failure does so within weeks. What a training works on is deleted at its end.",
)
KILLED_TRAININGS = Retention(
    "what a training has worked on whose process was killed, with what people said",
    timedelta(days=7),
    "The bot's next host goes on with it. A bot that has not run for a week may never run again.",
)

#: All of them.
RETENTIONS = (
    FINISHED_EVENTS,
    FILES,
    OUTGOING_FILES,
    LINK_CODES,
    ACCESS_REQUESTS,
    WRONG_CODES,
    CONFIRMATIONS,
    TYPED_SECRETS,
    QUESTIONS,
    TOLD_LANGUAGES,
    TRANSCRIPT,
    PROFILE,
    CONVERSATIONS,
    DAMAGED,
    RECORDS,
    HELD,
    SILENCES,
    MEMORIES,
    ENDED_MEMORIES,
    CONTACTS,
    ENCOUNTERS,
    KNOWLEDGE,
    LINKS,
    MEMBERS,
    USAGE,
    AUDIT,
    LORAS,
    TRAININGS,
    KILLED_TRAININGS,
)

#: What the owner may give a time of its own, by the name in ``LLMAGENT_OS_KEEP_DAYS``.
SETTABLE: Mapping[str, Retention] = {
    "conversations": CONVERSATIONS,
    "transcripts": TRANSCRIPT,
    "files": FILES,
    "outgoing": OUTGOING_FILES,
    "trainings": TRAININGS,
}


def kept_times(setting: str) -> dict[str, timedelta]:
    """How long each kind of :data:`SETTABLE` is kept.

    Args:
        setting: ``KIND=DAYS`` separated by commas. What is not named is kept as long as the table says.

    Raises:
        ConfigError: the setting cannot be read.

    >>> kept_times("conversations=365")["conversations"].days
    365
    """
    found = {name: each.time for name, each in SETTABLE.items()}
    for part in filter(None, (each.strip() for each in setting.split(","))):
        name, _, days = (each.strip() for each in part.partition("="))
        if name not in SETTABLE or not re.fullmatch(r"[1-9]\d{0,4}", days):
            raise ConfigError(
                f"LLMAGENT_OS_KEEP_DAYS cannot hold {part!r}: write KIND=DAYS, such as conversations=365, with one of "
                f"{', '.join(SETTABLE)} and a number of days from 1"
            )
        found[name] = timedelta(days=int(days))
    return found


def oldest_kept(time: timedelta) -> datetime:
    """The moment before which what is kept for ``time`` is deleted."""
    return datetime.min.replace(tzinfo=UTC) if time == UNTIL_FORGOTTEN else now() - time
