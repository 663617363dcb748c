"""The slash commands that every agent has: lists them, and has the right one answer. Plugins add their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

import msgspec

from llmagent_os.adapter import Reply
from llmagent_os.commands.approve import approve
from llmagent_os.commands.audit import audit
from llmagent_os.commands.credentials_command import CREDENTIALS, credentials, credentials_pressed
from llmagent_os.commands.export import export
from llmagent_os.commands.forget import FORGET, NOT_OPEN, ask_forget, close_question, confirm_forget
from llmagent_os.commands.graphics import graphics
from llmagent_os.commands.help import help_reply
from llmagent_os.commands.knowledge_command import REMOVE, knowledge, remove_pressed, show_passage
from llmagent_os.commands.language import language
from llmagent_os.commands.learn import learn
from llmagent_os.commands.learn_files import LEARN_FILES, learn_earlier_files
from llmagent_os.commands.link import link
from llmagent_os.commands.memory import FORGET_ALL, forget_all, memory
from llmagent_os.commands.permissions import PERMISSIONS, permissions, permissions_pressed
from llmagent_os.commands.plugin_command import plugin_command
from llmagent_os.commands.plugin_switches import plugins
from llmagent_os.commands.privacy import PRIVACY, privacy, turn_pressed
from llmagent_os.commands.profile import change_or_show, profile
from llmagent_os.commands.quiet import quiet
from llmagent_os.commands.reason_tap import answer_reason_tap
from llmagent_os.commands.revoke import revoke
from llmagent_os.commands.teaching import SHARE, share
from llmagent_os.commands.unlink import unlink
from llmagent_os.commands.usage import usage
from llmagent_os.commands.voice import voice
from llmagent_os.events import Command, Event
from llmagent_os.feedback.reason_questions import WHY
from llmagent_os.handler import Outcome
from llmagent_os.identity import identity_of
from llmagent_os.languages import LazyText, gettext, lazy_gettext, translated
from llmagent_os.people.access import Access
from llmagent_os.reply.action_answer import answer_action
from llmagent_os.reply.action_gate import ACTION
from llmagent_os.reply.button_answer import STALE
from llmagent_os.reply.citations import SHOW_PASSAGE
from llmagent_os.reply.form_answer import answer_sent_form
from llmagent_os.reply.interaction_record import fixed_outcome
from llmagent_os.reply.plugin_calls import private_reply, reply_of
from llmagent_os.reply.services import Services
from llmagent_os.tools.registry import Plugins

#: Begins the value of every button that a command offers.
OWN_BUTTON = "agent:"


class SlashCommand(msgspec.Struct, frozen=True, kw_only=True):
    """One command that every agent has."""

    help: LazyText  #: one line
    answer: Callable[[Services, Command], Awaitable[Reply]]
    #: whether the ledger keeps the exchange. False where the reply holds a code, or is about another person.
    is_kept: bool = True
    takes_files: bool = False  #: files may be given with it, where the platform has a field for that


class AdminCommand(msgspec.Struct, frozen=True, kw_only=True):
    """One command that only admins may give. The ledger keeps none of them."""

    help: LazyText  #: one line
    answer: Callable[[Services, Access, Command], Awaitable[Reply]]


def _of_access(
    answer: Callable[[Access, Command], Awaitable[Reply]],
) -> Callable[[Services, Access, Command], Awaitable[Reply]]:
    """An answer that needs no other service."""

    async def answered(_: Services, access: Access, command: Command) -> Reply:
        return await answer(access, command)

    return answered


async def _help(services: Services, command: Command) -> Reply:
    is_admin = services.access is not None and services.access.has_role(identity_of(command))
    platform = command.conversation.platform
    return help_reply(
        services.settings.title, listed_commands(services.plugins, for_admins=is_admin, platform=platform)
    )


COMMANDS: Mapping[str, SlashCommand] = MappingProxyType(
    {
        "help": SlashCommand(help=lazy_gettext("what I can do"), answer=_help),
        "profile": SlashCommand(
            help=lazy_gettext(
                "what I know about you and what I have learned; /profile set STYLE corrects it, /profile learning off "
                "stops it, /profile undo takes the last change back, /profile clear forgets your profile"
            ),
            answer=profile,
        ),
        "learn": SlashCommand(
            help=lazy_gettext("teach me: /learn and words or a link, or a file with the words “learn this”"),
            answer=learn,
            takes_files=True,
        ),
        "knowledge": SlashCommand(
            help=lazy_gettext(
                "what I know from documents; /knowledge show 2 shows one, /knowledge remove 2 removes it"
            ),
            answer=knowledge,
        ),
        "voice": SlashCommand(
            help=lazy_gettext(
                "whether I read my answers aloud: /voice on, /voice off; I understand voice messages too"
            ),
            answer=voice,
        ),
        "graphics": SlashCommand(
            help=lazy_gettext(
                "whether you get pictures of weeks and months: /graphics on, /graphics off; /graphics dark, light"
            ),
            answer=graphics,
        ),
        "language": SlashCommand(
            help=lazy_gettext(
                "the language that I speak with you: /language de chooses one, /language auto leaves it to me"
            ),
            answer=language,
        ),
        "quiet": SlashCommand(
            help=lazy_gettext(
                "when I begin nothing by myself: /quiet 22:00-07:00; how long I stay silent here: /quiet 2h"
            ),
            answer=quiet,
        ),
        "memory": SlashCommand(
            help=lazy_gettext(
                "what you told me about yourself; /memory forget 3 deletes one, /memory correct 3 WORDS corrects it, "
                "/memory off ends it"
            ),
            answer=memory,
        ),
        "privacy": SlashCommand(
            help=lazy_gettext("what you allow me: remember you, learn from your reactions, train on our conversations"),
            answer=privacy,
        ),
        "permissions": SlashCommand(
            help=lazy_gettext("which tools ask you before they act; /permissions always TOOL, /permissions ask TOOL"),
            answer=permissions,
        ),
        "credentials": SlashCommand(
            help=lazy_gettext(
                "what you gave my tools to sign in elsewhere; /credentials add NAME, /credentials remove NAME"
            ),
            answer=credentials,
            is_kept=False,
        ),
        "usage": SlashCommand(
            help=lazy_gettext("how many messages and tokens you have used, and what is left"), answer=usage
        ),
        "link": SlashCommand(
            help=lazy_gettext(
                "share one profile between two accounts: gives a code to type on the other one, as /link CODE"
            ),
            answer=link,
            is_kept=False,
        ),
        "unlink": SlashCommand(
            help=lazy_gettext("separate this account from the ones it is linked with"), answer=unlink, is_kept=False
        ),
        "export": SlashCommand(
            help=lazy_gettext("everything I keep about you in one file, and your calendar as an .ics file"),
            answer=export,
        ),
        "forget": SlashCommand(help=lazy_gettext("erase everything I keep about you"), answer=ask_forget),
    }
)
ADMIN_COMMANDS: Mapping[str, AdminCommand] = MappingProxyType(
    {
        "approve": AdminCommand(
            help=lazy_gettext("let a person in: /approve CODE (admins)"), answer=_of_access(approve)
        ),
        "audit": AdminCommand(
            help=lazy_gettext("what admins and approvals did lately (owners)"), answer=_of_access(audit)
        ),
        "plugins": AdminCommand(
            help=lazy_gettext("which plugins I have; /plugins enable NAME, disable NAME, reload NAME (admins)"),
            answer=plugins,
        ),
        "revoke": AdminCommand(
            help=lazy_gettext("stop answering a person: /revoke IDENTITY (admins)"), answer=_of_access(revoke)
        ),
    }
)
#: What answers a button of a command's answer, by the beginning of the button's value.
_BUTTONS: Mapping[str, Callable[[Services, Event, str], Awaitable[Reply]]] = MappingProxyType(
    {
        SHOW_PASSAGE: show_passage,
        REMOVE: remove_pressed,
        SHARE: share,
        LEARN_FILES: learn_earlier_files,
        FORGET_ALL: forget_all,
        PRIVACY: turn_pressed,
        PERMISSIONS: permissions_pressed,
        CREDENTIALS: credentials_pressed,
        FORGET: confirm_forget,
    }
)
#: Other names of commands: Telegram's first message to a bot is ``/start``.
ALIASES: Mapping[str, str] = MappingProxyType({"start": "help"})


def listed_commands(loaded: Plugins | None, *, for_admins: bool, platform: str = "") -> dict[str, str]:
    """The help of every command by name in the language in force, at the moment of the call: plugins come and go.

    Args:
        loaded: the plugins, which add their own commands.
        for_admins: whether to list the commands of admins.
        platform: where they are given; empty: anywhere.
    """
    own = {name: str(command.help) for name, command in COMMANDS.items()}
    if for_admins:
        own |= {name: str(command.help) for name, command in ADMIN_COMMANDS.items()}
    return own | {name: translated(line) for name, line in (loaded.commands_on(platform) if loaded else {}).items()}


def file_commands(loaded: Plugins | None) -> frozenset[str]:
    """The names of the commands with which files may be given, at the moment of the call."""
    own = {name for name, command in COMMANDS.items() if command.takes_files}
    return frozenset(own | (loaded.file_commands if loaded else frozenset()))


async def answer_command(services: Services, command: Command) -> Outcome:
    """Answer a slash command. In a group, only the person who gave it sees the answer, unless it is for everyone."""
    if command.form:
        return await answer_sent_form(services, command)
    name = ALIASES.get(command.name, command.name)
    own = COMMANDS.get(name)
    is_kept = own.is_kept if own else name not in ADMIN_COMMANDS
    if own or (name in ADMIN_COMMANDS and services.access is not None):
        reply = await _answer(services, command, name)
    else:
        result = await plugin_command(services, command)
        reply, is_kept = reply_of(result), is_kept and not result.is_secret
    reply = reply if reply.for_everyone else private_reply(command, reply)
    if not is_kept:
        await close_question(services, command)  # the ledger does not know that this command came in between
        return Outcome(services.interaction.render(reply))
    return await fixed_outcome(services, command, reply, intent="command")


async def answer_own_button(services: Services, event: Event, value: str, said: str) -> Outcome:
    """Answer a button of a command's answer.

    Args:
        services: those of the agent.
        event: the press, or a message whose words mean the button.
        value: the button's value, which begins with :data:`OWN_BUTTON`.
        said: the words, or the value that was pressed.
    """
    if value.startswith(WHY):
        return await answer_reason_tap(services, event, value)
    if value.startswith(ACTION):
        return await answer_action(services, event, value, said)
    reply = private_reply(event, await _pressed(services, event, value))
    if value.startswith(FORGET) and reply.text != str(NOT_OPEN):  # the ledger would keep what was said once more
        return Outcome(services.interaction.render(reply), erases=True)
    if value.startswith(CREDENTIALS):  # the reply may hold the address of a page that works once
        return Outcome(services.interaction.render(reply))
    if value.startswith(SHOW_PASSAGE):  # a later turn would show the model the passage beside its tools
        return Outcome(services.interaction.render(reply))
    return await fixed_outcome(services, event, reply, intent="button", said=said)


async def _answer(services: Services, command: Command, name: str) -> Reply:
    access = services.access
    if name in COMMANDS or access is None:
        return await COMMANDS[name].answer(services, command)
    if not access.has_role(identity_of(command)):
        return Reply(gettext("Only admins can do that. Whoever runs me names them in LLMAGENT_OS_ADMINS."))
    return await ADMIN_COMMANDS[name].answer(services, access, command)


async def _pressed(services: Services, event: Event, value: str) -> Reply:
    for prefix, answer in _BUTTONS.items():
        if value.startswith(prefix):
            return await answer(services, event, value)
    match value.removeprefix(OWN_BUTTON):
        case "keep":
            await close_question(services, event)
            return Reply(gettext("Nothing was changed."))
        case "undo":
            return await change_or_show(services, event, "undo")
        case _:
            return Reply(str(STALE))
