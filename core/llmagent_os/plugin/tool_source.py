"""The contract between the host and whatever has tools, and the values that pass between them.

A plugin is one such source: a class of typed methods, see :class:`~llmagent_os.plugin.base.Plugin`. A server of tools
is another. The registry, the permissions, the circuit breaker and the ledger know only the contract.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from llmagent_os.adapter import Button, Card, Picture, Table
from llmagent_os.adapter_kit.outgoing_files import OutgoingFiles
from llmagent_os.adapter_kit.pages import PageRequest, PageResponse
from llmagent_os.adapter_kit.person_secrets import PersonSecrets
from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.contacts import Contacts, NoContacts
from llmagent_os.credentials.credential import Credential, Credentials
from llmagent_os.errors import PluginError
from llmagent_os.events import Event
from llmagent_os.forms.form import OPENS, Form, FormErrors
from llmagent_os.forms.form_values import FormValues
from llmagent_os.graphics.chart import Chart
from llmagent_os.identity import PersonId
from llmagent_os.languages import translated
from llmagent_os.records import MemorySharedRecords, Record, SharedRecords
from llmagent_os.timers import MemoryTimers, Timers

if TYPE_CHECKING:
    from llmagent_os.people.profiles import Profile
    from llmagent_os.records import Records

#: What a tool does: it only reads; it changes what the person keeps, which can be changed back; it loses something that
#: cannot be brought back; or it reaches others, as a mail, an invitation and a post to a server do. Where a model chose
#: a destructive or outward call, the person is asked first.
Effect = Literal["reads", "changes", "destructive", "outward"]

#: The effects that people are asked about first where a model chose the call.
ASKED_EFFECTS: tuple[Effect, ...] = ("destructive", "outward")

#: How long :meth:`Plugin.received` may take: it may read from the network.
RECEIVING_SECONDS = 40.0


class WebAccess(msgspec.Struct, frozen=True, kw_only=True):
    """How plugins reach the web, and how the web reaches them."""

    allow_private: bool = False  #: addresses of this machine's own network may be read, see ``guarded_http``
    public_url: str = ""  #: where the pages of plugins are reached, such as ``https://bot.example.org``; empty: nowhere


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """The person, the conversation and the moment of one call."""

    #: the person, by :data:`~llmagent_os.identity.PersonId`; the same on every platform that they linked
    user_id: PersonId
    conversation_key: str  #: the conversation in which they wrote
    call_id: str  #: unique per call, but the same when a crashed turn runs again; use it to write only once
    now: datetime  #: the present moment, aware, in ``time_zone``
    time_zone: str  #: the person's IANA time zone, such as ``Europe/Berlin``
    text: str  #: the person's whole message
    initiative: Literal["act", "ask_first"] = "act"  #: ``ask_first``: write only after the person agreed
    #: a model chose this call of a tool that ``asks_itself``, and the person has not said that the tool may always act:
    #: the tool asks before it does anything destructive or outward
    must_ask: bool = False
    #: how to answer this person: a value for each dimension, such as ``verbosity``
    style: Mapping[str, str] = field(default_factory=dict[str, str])
    question: str = ""  #: what the reply before the message asked, as it was sent; empty: it asked nothing
    #: the name of the plugin that the reply before the message came from; empty: it came from none. Words such as
    #: "cancel that" and "make it 7" are about what that plugin did
    answered_last: str = ""
    #: what a person can ask for of how the bot answers: each dimension's values, and what the model is told for each
    dimensions: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    records: Records  #: this plugin's documents about this person
    #: writes files that a result sends along, for the account that asks; they are erased with it, and after a week
    files: OutgoingFiles = field(default_factory=OutgoingFiles)
    #: keeps secrets that the plugin makes for the account that asks, which must be in no record; erased with it
    secrets: PersonSecrets = field(default_factory=PersonSecrets)
    #: what the person gave to sign in elsewhere: for a tool those that it names, for a command, a button and a timer
    #: all that :attr:`Plugin.credentials` declares. What a result holds of them is masked.
    credentials: Credentials = field(default_factory=Credentials)
    profile: Profile  #: of this person
    timers: Timers = field(
        default_factory=MemoryTimers
    )  #: this plugin's timers for this person; see :meth:`Plugin.due`
    #: other people, by name, where the plugin says :attr:`Plugin.asks_others`; otherwise nobody is found
    contacts: Contacts = field(default_factory=NoContacts)
    #: everybody's documents under a key, where the plugin says :attr:`Plugin.shares_records`; otherwise none
    shared: SharedRecords = field(default_factory=MemorySharedRecords)
    event: Event | None = None  #: the event that caused the call; None: there is no platform
    web: WebAccess = field(default_factory=WebAccess)  #: what the installation allows
    interface: str = "text"  #: how the person is answered: ``text``, ``voice`` or ``graphics``
    theme: str = "light"  #: of pictures: ``light`` or ``dark``


class ToolResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer of a tool: what it found or did."""

    data: dict[str, Any]  #: JSON that the model puts into words: small and flat, with readable strings
    text: str  #: a complete reply in plain English, good enough to be sent as it is
    card: Card | None = None  #: a table or another block to show under the reply
    buttons: tuple[Button, ...] = ()  #: a press is answered by :meth:`Plugin.pressed`
    files: tuple[str, ...] = ()  #: paths of local files to send with the reply
    profile_changes: dict[
        str, str
    ] = {}  #: new values of profile fields or preferences; needs the permission ``profile.write``
    #: what still waits for the person, as a sentence that is said in any case: the model's words may leave out a part
    waiting: str = ""
    #: ``text`` is sent as it is: it answers what ``data`` alone does not, such as how long an event is
    word_for_word: bool = False
    #: the dimensions of ``context.style`` that the text was chosen by: what people think of it speaks of these values
    shown: tuple[str, ...] = ()
    #: the text holds a secret, such as an address that opens the person's calendar: only the person sees it, and the
    #: ledger keeps nothing of the exchange
    is_secret: bool = False
    pictures: tuple[Picture, ...] = ()  #: shown under the reply; write the files with ``context.files``
    #: drawn by the host and shown as a picture, with its words for whoever does not see it. A plugin that returns one
    #: need not look at ``context.interface``: the person asked for it.
    chart: Chart | None = None
    table: Table | None = None  #: rows of several columns, shown behind the text
    #: of a press: shown in the place of the message with the button, and kept in no history
    replaces: bool = False
    #: of a timer: the ``call_id`` of an earlier call of the person in the conversation. The result stands in the place
    #: of the message that answered it, as with ``replaces``; where there is none any more, as a message of its own.
    replaces_answer_to: str = ""
    #: of a plugin that :attr:`Plugin.is_personal`, set by the host: where others read, the person alone sees it
    for_person: bool = False
    #: of a slash command: everybody in the conversation sees it, as a poll. Else a command in a group is answered to
    #: the person who gave it, and to nobody else.
    for_everyone: bool = False
    #: what the call did that is destructive or outward, where its tool does not say so or a button did it; it is noted
    #: in the audit log. Empty: nothing, or what the tool's own ``effect`` says.
    effect: Literal["", "destructive", "outward"] = ""


def form_button(form: Form, label: str = "", style: str = "default") -> Button:
    """A button for a plugin's result that opens one of its forms.

    Args:
        form: one of :attr:`Plugin.forms`.
        label: what people read; empty: the title of the form.
        style: as of any button.
    """
    return Button(label or translated(form.title), f"{OPENS}{form.key}", style)


#: Finds the person whose page is asked for: by the key of one of their records.
Visitor = Callable[[str], Awaitable[ToolContext | None]]


def joined_results(results: Sequence[ToolResult]) -> ToolResult:
    """Join the results of several calls: all texts, those with buttons that choose something last.

    The card, the table and the buttons are those of the last result that has any.

    >>> one, two = ToolResult({"status": "missing"}, "When is it?"), ToolResult({"status": "created"}, "Added.")
    >>> joined_results([one, two]).text
    'Added. When is it?'
    """
    told = sorted(results, key=lambda result: result.text.rstrip().endswith("?"))  # stable: in order otherwise
    waiting = dict.fromkeys(result.waiting for result in results if result.waiting)
    return ToolResult(
        {"status": "joined", "count": str(len(results))},
        " ".join(dict.fromkeys(result.text for result in told)),
        card=next((result.card for result in reversed(told) if result.card is not None), None),
        buttons=next((result.buttons for result in reversed(told) if result.buttons), ()),
        files=tuple(file for result in results for file in result.files),
        waiting=" ".join(waiting),
        is_secret=any(result.is_secret for result in results),
        pictures=tuple(picture for result in results for picture in result.pictures),
        table=next((result.table for result in reversed(told) if result.table is not None), None),
    )


class ToolMark(msgspec.Struct, frozen=True):
    """What a source says of one of its tools. For a method of a plugin it holds the arguments of ``@tool``."""

    permission: str
    read_only: bool
    timeout: float  #: seconds
    offered: bool = True  #: to models; otherwise only the plugin's own rules call it
    effect: Effect = "changes"  #: what a call does
    asks_itself: bool = False  #: the tool looks at ``context.must_ask``, and asks in its own words
    credentials: tuple[str, ...] = ()  #: the names of those that a call needs
    open_to_groups: bool = False  #: of a personal source: the tool says only what the person has just said


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool of a source, ready to be called."""

    spec: ToolSpec  #: how models are offered it
    mark: ToolMark  #: what its source says of it
    #: gives the arguments as :attr:`call` takes them. It raises :class:`~llmagent_os.errors.ToolArgumentError`, which
    #: names every wrong argument and its value.
    check: Callable[[Mapping[str, Any]], dict[str, Any]]
    call: Callable[[ToolContext, Mapping[str, Any]], Awaitable[ToolResult]]  #: takes arguments that were checked


class ToolSource:
    """What the host knows of whatever has tools: a plugin, or a server of tools.

    The registry, the permissions, the circuit breaker and the ledger know nothing else. A source has a ``name`` and
    :meth:`tools`. The other methods are optional: the host asks a source only what it :meth:`answers`.
    One object serves all people.
    """

    name: str  #: lower case, unique
    about: str = ""  #: what it does for people, in a few words: whoever sets a bot up chooses by them
    #: the plugin finds other people by name and asks them (``context.contacts``): who writes to the bot is noted then
    asks_others: bool = False
    #: the plugin reads what all people keep with it under one key (``context.shared``), as the votes of a poll
    shares_records: bool = False
    #: what the plugin is told and says is private: it answers in direct conversations only, the ledger keeps nothing of
    #: the exchange, and nothing is remembered or learned from it. Its records are kept as those of any plugin.
    keeps_private: bool = False
    #: what the plugin shows is the person's own, such as a list of tasks. Where others read, it answers words only with
    #: tools that are ``open_to_groups``, and the person alone sees what else it says: to a command, a press, a timer.
    is_personal: bool = False
    credentials: tuple[Credential, ...] = ()  #: what people give so that its tools can sign in elsewhere
    commands: Mapping[str, str] = MappingProxyType({})  #: the plugin's slash commands: name to one line of help
    #: what people read while a tool of the plugin is called, where their platform shows it: the rest of a sentence that
    #: begins with the bot's name, such as "is looking at your calendar…"; empty: nothing of its own
    work: str = ""
    #: the names of those commands with which people may give files, as ``context.event.attachments``
    file_commands: frozenset[str] = frozenset()
    #: the commands and the values of buttons that only read, with wildcards: ``/todo``, ``/todo all``, ``page:*``. A
    #: bot that permits no tool of the plugin that writes answers these, and no other commands and buttons
    reading: tuple[str, ...] = ()
    #: the forms that people fill in, in a window where the platform has one and question by question elsewhere
    forms: tuple[Form, ...] = ()
    #: what must be installed, as requirements of pip's: ``("httpx>=0.27,<1",)``. Without it the source is not loaded.
    requires: tuple[str, ...] = ()
    requires_plugins: tuple[str, ...] = ()  #: the names of the plugins that must be loaded before this one
    #: permissions that the source asks for besides those of its tools, such as one that it passes on to a server
    extra_permissions: tuple[str, ...] = ()
    #: the platforms where it works, such as ``("slack",)``; empty: all. Elsewhere its tools and commands are hidden,
    #: and a person who uses one all the same is told where it works.
    platforms: tuple[str, ...] = ()
    #: the values of ``[plugin.NAME]`` in the bot's file and of ``LLMAGENT_OS_PLUGIN_NAME_FIELD``. A source that has
    #: settings declares their model, ``settings: WeatherSettings``, and finds them here from :meth:`start` on.
    settings: Any
    has_settings: bool = False  #: of a source that is no class with ``settings``, and has settings all the same
    #: the form of the documents that it keeps; see :attr:`migrations`
    records_version: int = 1
    #: by version, what makes a document of the next version out of one of this version; None: the document goes. Such
    #: a function does nothing else. It is called when a document of an older version is first read, or replaced.
    migrations: Mapping[int, Callable[[Record], Record | Awaitable[Record | None] | None]] = MappingProxyType({})

    def tools(self) -> Mapping[str, Tool]:
        """The tools, by name. The host reads them when it loads the source.

        Raises:
            PluginError: a tool is badly defined; the message names the source, the tool and what is wrong.
        """
        raise NotImplementedError

    def answers(self, method: str) -> bool:
        """Whether the source defines the optional ``method``, such as ``due``. What it does not define is not asked."""
        return getattr(type(self), method) is not getattr(ToolSource, method)

    def trouble(self) -> str:
        """Why the source has no tools now, or cannot call them, in one line for ``health``; empty: nothing is wrong."""
        return ""

    async def start(self) -> None:
        """Prepare the source. Called once, in the event loop, before :meth:`tools`. An exception keeps it out."""

    async def stop(self) -> None:
        """Clean up. Called once, after the last call has finished."""

    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        """Answer the press of one of the plugin's buttons. ``value`` may be old, repeated or made up: check it."""
        raise PluginError(f"plugin {self.name!r} has no button {value!r}")

    async def submitted(self, context: ToolContext, form: str, values: FormValues) -> ToolResult | FormErrors:
        """Answer a form that a person has filled in.

        Called once for what a person sends, also where the platform delivers it twice; after a crash again, with the
        same ``context.call_id``.

        Args:
            context: of the person who filled it in.
            form: its key, one of :attr:`forms`.
            values: what stands in its fields, checked by their kinds. A field that is not required may be empty.

        Returns:
            The answer; or what is wrong with single fields, which the person then corrects.
        """
        raise PluginError(f"plugin {self.name!r} lists the form {form!r} but does not answer it")

    async def pressed_by_anyone(self, context: ToolContext, value: str) -> ToolResult:
        """Answer the press of a button that is ``open_to_all``. ``context`` is of whoever pressed it.

        No other button comes here, and these come nowhere else. ``value`` may be old, repeated or made up: check it.
        """
        raise PluginError(f"plugin {self.name!r} has no button {value!r} that anybody may press")

    async def proposed(self, context: ToolContext, name: str, arguments: Mapping[str, Any]) -> str:
        """Say exactly what a call would do, before the person is asked about it: whom it reaches, with which words.

        Called for destructive and outward tools that do not ask themselves, where a model chose the call.

        Args:
            context: of the call.
            name: of the tool.
            arguments: of the call, checked.

        Returns:
            One sentence or more, without a question. Empty: the host lists the arguments.
        """
        return ""

    async def button_meant(self, context: ToolContext) -> str | None:
        """Say which of the plugin's buttons the words in ``context.text`` mean, before any model is asked.

        For what needs no model: "undo", "never mind", "the second one". Such words are then a press of the button, and
        :meth:`pressed` answers it.

        Returns:
            The value of the button. None: the words mean none, and the model answers them.
        """
        return None

    async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...] | ToolResult:
        """Read the tool calls that the words in ``context.text`` ask for, where rules leave no doubt.

        Called before the model is asked, where the bot lets rules read (``request_rules``). The calls are checked like
        a model's and made in this order. A single result is put into words by the model; several are told in the
        plugin's own words, as :meth:`joined` joins them.

        Returns:
            The calls; or the answer itself, where the words ask for no call ("don't delete it"). No call: the rules do
            not understand all of the words, and the model decides.
        """
        return ()

    async def answer_to(self, context: ToolContext) -> ToolResult | None:
        """Answer the words in ``context.text`` by rules, in the plugin's own words, before any model is asked.

        For talk that asks for no tool and needs no model: "thanks", "what time is it", a language that the bot does not
        speak. Called where the bot lets rules read (``request_rules``), before :meth:`requests_in`. The result is sent
        as it is, and nobody's opinion of it is credited to a model or to a style.

        Returns:
            The answer. None: the rules do not understand all of the words, and somebody else answers.
        """
        return None

    async def urgent_answer_to(self, context: ToolContext) -> ToolResult | None:
        """Answer words that cannot wait, such as those of an emergency, before anything else is asked about them.

        Called for every message that is meant for the bot, with any model and without ``request_rules``, and also in
        groups where the plugin :attr:`keeps_private`. So it must be quick, and certain. The ledger keeps nothing of
        the exchange.

        Returns:
            The answer. None: nothing is urgent.
        """
        return None

    async def joined(self, context: ToolContext, results: Mapping[str, ToolResult]) -> ToolResult:
        """Make one result of those of several calls that one message asked for.

        Args:
            context: of the message.
            results: two or more, by the ``call_id`` of their calls, in the order in which the calls were made.

        Returns:
            By default all texts, those that ask something last, with the last card and its buttons.
        """
        return joined_results([*results.values()])

    async def received(self, context: ToolContext) -> ToolResult | None:
        """Answer a message that came with files, or that names an address, before any model is asked.

        ``context.event`` is the message; its ``attachments`` are files on this machine. A call may take
        :data:`RECEIVING_SECONDS`.

        Returns:
            The answer. None: the message holds nothing for this plugin.
        """
        return None

    async def profile_changed(self, context: ToolContext, before: Profile, assumed_zone: str) -> ToolResult | None:
        """Follow a change of the time zone in the person's profile.

        Args:
            context: of the person, with the profile as it is now and its time zone.
            before: the profile before.
            assumed_zone: the IANA time zone of people who never said where they are.

        Returns:
            What is added to the reply, in one short sentence. None: nothing is to be said.
        """
        return None

    async def suggestions(self, context: ToolContext) -> tuple[str, ...]:
        """Suggest what the person could ask now, word for word. A person who opens a new conversation is offered it.

        Returns:
            One or two short messages that fit what the plugin knows of the person. Empty: it knows nothing that helps.
        """
        return ()

    async def page(self, request: PageRequest, visitor: Visitor) -> PageResponse | None:
        """Answer a request from the web for ``PUBLIC_URL/pages/NAME/PATH``. None: there is no such page.

        Args:
            request: what is asked. Anybody may ask anything.
            visitor: gives the context of the person who has a record under a key that no other person has, such as the
                hash of a secret in the path; None: nobody has. Such a context has no event and no timers.
        """
        return None

    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        """Answer a timer that was set with ``context.timers``. None: say nothing.

        Args:
            context: that of the call that set the timer, without a ``text``. ``now`` is later than ``at`` if the host
                was off.
            key: the timer's key.
            at: the moment that the timer was set to, in UTC.
        """
        raise PluginError(f"plugin {self.name!r} sets the timer {key!r} but does not answer it")

    async def export_files(self, context: ToolContext) -> ToolResult | None:
        """Give what the plugin keeps about the person as files that other programs read, such as an ``.ics`` file.

        ``/export`` puts the files into its archive, beside the plugin's records as JSON, and sends them beside the
        archive; ``/export NAME`` sends the result itself. The context may be of no event: write the files with
        ``context.files``.

        Returns:
            The result, with the files. None: the records say it all.
        """
        return None

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        """Answer one of the plugin's ``commands``.

        Args:
            context: of the person who typed the command.
            name: the command, without the slash.
            arguments: the text after the command.
        """
        raise PluginError(f"plugin {self.name!r} lists the command {name!r} but does not answer it")
