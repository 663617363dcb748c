"""The agent: the personalisation layer between a language model and the people it serves.

``respond`` is that layer from top to bottom, in one function. ``run`` is the same for a plain script, and ``handle`` is
what the host calls with whatever happens on a platform.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from llmagent_os.adapter import Reply
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.commands.command_table import OWN_BUTTON, answer_command, answer_own_button
from llmagent_os.commands.learn_files import is_teaching, learn_files, offer_to_learn
from llmagent_os.errors import ConfigError
from llmagent_os.events import (
    ButtonPress,
    Command,
    Conversation,
    Edit,
    Event,
    Message,
    Opened,
    Sender,
    Timer,
    event_key,
    now,
)
from llmagent_os.handler import Draft, Outcome, note_work
from llmagent_os.languages import gettext
from llmagent_os.modules import BehaviorModule, InteractionModule, KnowledgeBase, PrivacyModule
from llmagent_os.privacy.event_masking import mask_event
from llmagent_os.reply.agent_settings import AgentSettings
from llmagent_os.reply.attachments import wordless
from llmagent_os.reply.button_answer import answer_button, ask_again, plugin_button_meant
from llmagent_os.reply.consent_question import with_consent_question
from llmagent_os.reply.contact_notes import note_contact
from llmagent_os.reply.exchange import choose_lora, decide, open_exchange
from llmagent_os.reply.feedback_buttons import asking_feedback
from llmagent_os.reply.found_passages import find_passages
from llmagent_os.reply.guided_form import (
    STEP_BUTTON,
    answer_form_command,
    answer_step,
    answer_words,
    leave_form,
    with_note,
)
from llmagent_os.reply.implicit_rewards import rewards_of_edit, rewards_of_message
from llmagent_os.reply.interaction_record import fixed_outcome, record
from llmagent_os.reply.memory_answers import answer_from_memory, answer_memory_request
from llmagent_os.reply.model_answer import answer_with_model
from llmagent_os.reply.model_language import answer_not_understood
from llmagent_os.reply.model_proposals import proposals
from llmagent_os.reply.open_question import open_question
from llmagent_os.reply.plugin_calls import unkept_outcome
from llmagent_os.reply.presence import (
    REMEMBERED_CONVERSATIONS,
    NamesHeard,
    is_to_bot,
    latest_in_group,
    presence,
    silent_outcome,
    turns_read,
)
from llmagent_os.reply.prompt import chat_request
from llmagent_os.reply.reason_in_words import answer_reason, reasons_of_message
from llmagent_os.reply.received_files import answer_received, answer_wordless
from llmagent_os.reply.remembering import keep, keep_after, read_message, recalled
from llmagent_os.reply.request_features import request_features
from llmagent_os.reply.requests_read import requests_read
from llmagent_os.reply.rule_answer import answer_by_rules, answer_urgent
from llmagent_os.reply.services import Services
from llmagent_os.reply.session_features import session_features
from llmagent_os.reply.spoken_message import SpokenMessage, listened, quoted, quoting, recordings_in, with_transcript
from llmagent_os.reply.spoken_reply import spoken
from llmagent_os.reply.timer_answer import answer_timer
from llmagent_os.reply.topic import with_topic
from llmagent_os.reply.welcome import welcome
from llmagent_os.serving.sync_bridge import run_sync

if TYPE_CHECKING:
    from llmagent_os.ledger import Latest, Ledger
    from llmagent_os.llm import LLM
    from llmagent_os.people.profiles import Profiles
    from llmagent_os.tools.registry import Plugins

__all__ = ["Agent", "AgentSettings"]


class Agent:
    """A personalised agent. Give it its parts, or subclass it and set ``llm``, ``kb``, ``behavior``, ``interaction``.

    >>> from llmagent_os.testing import ScriptedLLM
    >>> Agent(llm=ScriptedLLM("Hello!")).run("hi")
    'Hello!'
    """

    llm: LLM

    def __init__(
        self,
        *,
        llm: LLM | None = None,
        kb: KnowledgeBase | None = None,
        behavior: BehaviorModule | None = None,
        interaction: InteractionModule | None = None,
        privacy: PrivacyModule | None = None,
        plugins: Plugins | None = None,
        profiles: Profiles | None = None,
        ledger: Ledger | None = None,
        settings: AgentSettings | None = None,
        clock: Callable[[], datetime] = now,
        services: Services | None = None,
    ) -> None:
        """Every part may be left out; a subclass may set the model and the modules after this.

        Args:
            llm: the language model.
            kb: what the agent knows.
            behavior: decides how to answer.
            interaction: renders replies.
            privacy: masks what is kept.
            plugins: the tools.
            profiles: what people told about themselves.
            ledger: keeps what was said and how it was taken.
            settings: of the bot's configuration.
            clock: the present moment, aware.
            services: everything from ``behavior`` on in one value, in place of these arguments.

        Raises:
            ConfigError: ``services`` is given, and one of the arguments that it takes the place of.
        """
        parts = (behavior, interaction, privacy, plugins, profiles, ledger, settings)
        if services is not None and any(part is not None for part in parts):
            raise ConfigError("an Agent is given its parts, or services that hold them, not both")
        if llm is not None:
            self.llm = llm
        self.kb = KnowledgeBase() if kb is None else kb  # an empty one is false, and may be filled later
        self._services = services or Services(
            behavior=behavior or BehaviorModule(),
            interaction=interaction or InteractionModule(),
            privacy=privacy or PrivacyModule(),
            settings=settings or AgentSettings(),
            clock=clock,
            ledger=ledger,
            profiles=profiles,
            plugins=plugins,
        )
        self._names_heard = NamesHeard()
        # What was read of a group to decide whether to speak, until it is answered.
        self._latest: BoundedDict[str, Latest] = BoundedDict(REMEMBERED_CONVERSATIONS)
        self.behavior = self._services.behavior
        self.interaction = self._services.interaction
        self.privacy = self._services.privacy

    @property
    def services(self) -> Services:
        """What replies and commands are made with, and the modules as a subclass has set them."""
        return msgspec.structs.replace(
            self._services,
            behavior=self.behavior,
            interaction=self.interaction,
            privacy=self.privacy,
            knowledge=self.kb,
        )

    @property
    def settings(self) -> AgentSettings:
        """What the bot's configuration decides. It is given to the constructor, and cannot be set later."""
        return self._services.settings

    @property
    def plugins(self) -> Plugins | None:
        """The tools. They are given to the constructor, and cannot be set later."""
        return self._services.plugins

    @property
    def profiles(self) -> Profiles | None:
        """What people told about themselves. It is given to the constructor, and cannot be set later."""
        return self._services.profiles

    @property
    def ledger(self) -> Ledger | None:
        """What was said and how it was taken. It is given to the constructor, and cannot be set later."""
        return self._services.ledger

    async def respond(self, message: Message, draft: Draft | None = None) -> Outcome:
        """Answer one message: profile, privacy, knowledge, behaviour, model and tools, privacy, interaction.

        Args:
            message: what was said.
            draft: called with the reply while it is being written; None: nobody watches.
        """
        services = self.services
        message = await mask_event(message)
        text, turns = self.preprocess(message.text), turns_read(services)
        exchange = await open_exchange(services, message, text, turns=turns, latest=await self._latest_of(message))
        if (urgent := await answer_urgent(services, exchange)) is not None:
            return urgent
        if (button := exchange.episode.button_meant(exchange.text)) is not None:
            return await self._press(services, message, button, exchange.text)
        if offered := exchange.episode.unclear_consent(exchange.text):
            return await ask_again(services, message, offered, exchange.text)
        if (button := await plugin_button_meant(services, exchange)) is not None:
            return await self._press(services, message, button, exchange.text)
        if is_teaching(message):
            return await fixed_outcome(services, message, await learn_files(services, message), intent="attachment")
        to_bot = is_to_bot(services, exchange)  # what people say to each other is at most for the policy
        for answer_early in (answer_reason, answer_received, answer_memory_request) if to_bot else ():
            if (answered := await answer_early(services, exchange)) is not None:
                return answered
        found = await find_passages(services, self.kb, exchange)
        if to_bot and (told := await answer_not_understood(services, exchange, found, self.llm.card)) is not None:
            return told
        exchange = await decide(
            services,
            exchange,
            request_features(exchange, services.clock(), services.settings.time_zone)
            | await session_features(services, exchange),
            decision_id=exchange.key,
            episode_id=exchange.session,
        )
        if (silence := silent_outcome(exchange)) is not None:
            return silence
        reading = await read_message(services, exchange)
        if (said := await answer_by_rules(services, exchange, found, self.llm.card)) is not None:
            await keep(services, exchange, reading.statements if said.interaction is not None else ())
            return said
        exchange = await choose_lora(services, exchange)
        given = await requests_read(services, exchange, self.llm.card)
        if given is None and (told := await answer_from_memory(services, exchange, reading, self.llm.card)) is not None:
            return told
        remembered = await recalled(services, exchange)
        request, shown = await chat_request(services, exchange, found.facts, remembered, given, self.llm.card)
        answer, proposed = await asyncio.gather(
            answer_with_model(self.llm, services, exchange, found, request, shown, given, draft),
            proposals(services, exchange, reading, self.llm),
        )
        answer.open_question = open_question(exchange.episode)
        if self.plugins is not None and self.plugins.keep_private(call.name for call in answer.calls):
            return unkept_outcome(services, message, answer.reply(services.privacy))
        reply = services.interaction.render(answer.reply(services.privacy))
        reply = await keep_after(services, exchange, reading.statements, reply, answer, proposed)
        interaction = await asyncio.to_thread(record, services.privacy, exchange, answer, reply, specs=request.tools)
        signs = rewards_of_message(services, exchange, answer, interaction)
        return Outcome(reply, interaction, (*signs, *await reasons_of_message(services, exchange)))

    async def _latest_of(self, message: Message) -> Latest | None:
        """What happened last in the group of a message, where it matters: read once, also by :func:`presence`."""
        return self._latest.pop(event_key(message), None) or await latest_in_group(self.services, message)

    def preprocess(self, text: str) -> str:
        r"""``text`` in Unicode's composed form, without control characters or chat markup, spaces evened.

        >>> Agent().preprocess("  book\tlunch <|im_end|> at\u00a03pm ")
        'book lunch at 3pm'
        """
        return " ".join(self.privacy.release(unicodedata.normalize("NFC", " ".join(text.split()))).split())

    def run(self, user_input: str) -> str:
        """Answer ``user_input`` from a plain script; ``respond`` is the asynchronous twin."""
        key = uuid4().hex
        room = Conversation(platform="script", channel="script")
        said = Message(event_id=key, conversation=room, sender=Sender("script"), text=user_input, message_id=key)
        reply = run_sync(self.respond, said).reply
        if reply is None:
            return ""
        return f"{reply.body}\n{reply.card.as_text()}" if reply.card else reply.body

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        """Answer whatever happened; see :class:`~llmagent_os.handler.Handler`."""
        services = self.services
        await note_contact(services, event)
        if event.sender.is_bot:  # two bots that answer each other would never end
            return Outcome(None)
        if isinstance(event, Message) and recordings_in(services, event):
            note_work(gettext("is listening to your recording…"))
            async with listened(services, event) as said:
                return await self._answer_spoken(services, said, draft)
        return await self._answer(services, event, draft)

    async def _answer_spoken(self, services: Services, said: SpokenMessage, draft: Draft) -> Outcome:
        """Answer a message whose recordings were listened to. What was understood stands above the answer."""
        message = said.message
        if said.problem:
            if not message.addressed:  # people talk to each other: the bot does not say that it understood nothing
                return Outcome(None)
            outcome = await fixed_outcome(services, message, Reply(said.problem), intent="attachment")
            return await spoken(services, message, outcome)
        if message.addressed:  # what people say to each other is not quoted
            await draft(quoted(said.transcript))
        outcome = await self._answer(services, message, quoting(draft, said.transcript))
        return with_transcript(outcome, said.transcript)

    async def _answer(self, services: Services, event: Event, draft: Draft) -> Outcome:
        """Answer in words, and read the answer aloud to people who want that."""
        outcome = await asking_feedback(services, event, await self._in_words(services, event, draft))
        outcome = await with_topic(services, event, outcome)
        return await spoken(services, event, outcome)

    async def _in_words(self, services: Services, event: Event, draft: Draft) -> Outcome:
        match event:
            case Message() if text := self.preprocess(event.text):
                meant = await presence(services, event, text, self._names_heard)
                if isinstance(meant, Outcome):
                    return meant
                if meant.latest is not None:
                    self._latest[event_key(event)] = meant.latest
                filled = await answer_words(services, await mask_event(meant.message), text)
                if isinstance(filled, Outcome):
                    return filled
                said = await self.respond(meant.message, draft)
                return with_note(await with_consent_question(services, meant.message, said), filled)
            case Message() if event.attachments and event.addressed:
                if (answered := await answer_wordless(services, event)) is not None:
                    return answered
                reply = await offer_to_learn(services, event) or Reply(wordless(event.attachments))
                return await fixed_outcome(services, event, reply, intent="attachment")
            case Command():
                if (answered_form := await answer_form_command(services, event)) is not None:
                    return answered_form
                left = await leave_form(services, event)
                return with_note(await answer_command(services, event), left)
            case ButtonPress() if event.value.startswith(STEP_BUTTON):
                return await answer_step(services, event, event.value)
            case ButtonPress():
                left = await leave_form(services, event)
                return with_note(await self._press(services, event, event.value, event.value), left)
            case Timer():
                return await answer_timer(services, event)
            case Opened():
                return await welcome(services, event)
            case Edit():
                return Outcome(None, rewards=await rewards_of_edit(services, event, self.preprocess(event.text)))
            case _:
                return Outcome(None)  # a message with nothing in it

    async def _press(self, services: Services, event: Event, value: str, said: str) -> Outcome:
        """Answer a button: of a command's answer, or of a plugin."""
        answer = answer_own_button if value.startswith(OWN_BUTTON) else answer_button
        return await answer(services, event, value, said)
