"""The agent: the personalisation layer between a language model and the people it serves.

``respond`` is that layer from top to bottom, in one function. ``run`` is the same for a plain script, and ``handle`` is
what the host calls with whatever happens on a platform.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec
import structlog

from llmagent_os.adapter import Remembers, Reply
from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.chat import ChatRequest, ToolCall
from llmagent_os.commands.command_table import FORGET, UNKEPT, Commands
from llmagent_os.errors import ConfigError, PluginError, ProfileError
from llmagent_os.events import (
    ButtonPress,
    Command,
    Conversation,
    Edit,
    Event,
    Message,
    Reaction,
    Sender,
    Timer,
    event_key,
    now,
)
from llmagent_os.feedback.implicit_signs import reward_of, sign
from llmagent_os.feedback.verdict import verdict
from llmagent_os.handler import Draft, Outcome
from llmagent_os.identity import identity_of
from llmagent_os.ledger import Interaction, RewardEvent
from llmagent_os.modules import BehaviorModule, InteractionModule, KnowledgeBase, PrivacyModule
from llmagent_os.modules.behavior import may_learn, system_text
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.policy import Context, Decision
from llmagent_os.policy_worker import decision_of
from llmagent_os.records import MemoryRecords
from llmagent_os.reply.attachments import wordless
from llmagent_os.reply.conversation_memory import Episode, recall
from llmagent_os.reply.request_features import features_of
from llmagent_os.reply.tool_loop import FAILED, Turn, converse
from llmagent_os.serving.sync_bridge import run_sync

if TYPE_CHECKING:
    from llmagent_os.ledger import Ledger
    from llmagent_os.llm import LLM
    from llmagent_os.people.access import Access
    from llmagent_os.people.profiles import Profiles
    from llmagent_os.policy_worker import PolicyWorker
    from llmagent_os.tools.registry import Plugins

_log = structlog.stdlib.get_logger(__name__)
_STALE = Reply("That button is no longer open.")

#: An edit of one of so many latest turns is noticed.
EDITS = 20

#: A timer whose plugin is missing, cut off or failing comes again so often, after so long, and is then given up.
TIMER_TRIES = 5
_LATER = Backoff(first=90.0, factor=4.0, most=6 * 3600.0)


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a bot's configuration decides about its agent."""

    title: str = "your assistant"  #: what it calls itself
    notes: str = ""  #: told to a model that was not trained for this bot
    permissions: tuple[str, ...] | None = None  #: what its tools may do; None: everything
    tool_rounds: int = 3  #: so often a model may call tools before it must use words
    max_tokens: int = 256  #: of one completion
    temperature: float = 0.0
    remembered_turns: int = 4  #: exchanges of the conversation that the model is shown
    time_zone: str = "UTC"  #: of people who have not said where they are


class Agent:
    """A personalised agent. Give it its parts, or subclass it and set them.

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
    ) -> None:
        if llm is not None:
            self.llm = llm
        self.kb = KnowledgeBase() if kb is None else kb  # an empty one is false, and may be filled later
        self.behavior = behavior or BehaviorModule()
        self.interaction = interaction or InteractionModule()
        self.privacy = privacy or PrivacyModule()
        self.plugins = plugins
        self.profiles = profiles
        self.ledger = ledger
        self.settings = settings or AgentSettings()
        self.clock = clock
        self.transcripts: tuple[Remembers, ...] = ()  #: adapters that keep what was said; the runtime tells which
        self.access: Access | None = None  #: who may be let in and by whom; the runtime tells
        self.learning: PolicyWorker | None = None  #: what keeps the policy in step with the ledger; the runtime tells
        self.commands = Commands(self)

    async def respond(self, message: Message, draft: Draft | None = None) -> Outcome:
        """Answer one message: profile, privacy, knowledge, behaviour, model and tools, privacy, interaction."""
        person = await self.person(message)
        text = self.preprocess(message.text)
        # One at least: what is said may be of it, and the model need not be shown it.
        episode = await recall(self.ledger, message, identity_of(message), max(self.settings.remembered_turns, 1))
        if (button := episode.button_meant(text)) is not None:
            return await self._pressed(message, button, said=text)
        facts = [hit.fact.text for hit in await asyncio.to_thread(self.kb.retrieve_knowledge, text)]
        context = features_of(message, text, episode.turn_index, person, self.clock())
        decision = await self._decide(person, context, event_key(message), episode.episode_id or event_key(message))

        async def call_tool(call: ToolCall, number: str) -> ToolResult:
            return await self._call(call, await self.tool_context(message, f"{event_key(message)}:{number}", decision))

        turn = await converse(
            self.llm,
            self._request(person, text, episode, decision, facts),
            call_tool,
            rounds=self.settings.tool_rounds,
            privacy=self.privacy,
            draft=draft,
        )
        reply = self.interaction.render(turn.reply(self.privacy))
        interaction = self._interaction(
            message, text, episode, {"message_id": message.message_id, "features": context}, decision, turn, reply
        )
        signs = self._signs(message, text, episode, turn, interaction) if may_learn(person.preferences) else ()
        return Outcome(reply, interaction, signs)

    def preprocess(self, text: str) -> str:
        r"""``text`` in Unicode's composed form, without control characters or chat markup, spaces evened.

        >>> Agent().preprocess("  book\tlunch <|im_end|> at\u00a03pm ")
        'book lunch at 3pm'
        """
        return " ".join(self.privacy.release(unicodedata.normalize("NFC", " ".join(text.split()))).split())

    def _request(
        self, person: Profile, text: str, episode: Episode, decision: Decision, facts: list[str]
    ) -> ChatRequest:
        """What the model is given."""
        notes = "" if self.llm.card.native else self.settings.notes
        system = system_text(
            decision.action, dimensions=self.behavior.dimensions, name=person.name, facts=facts, notes=notes
        )
        return ChatRequest(
            messages=[
                {"role": "system", "content": system},
                *(episode.messages() if self.settings.remembered_turns else ()),
                {"role": "user", "content": text},
            ],
            tools=self.plugins.specs(self.settings.permissions) if self.plugins else (),
            max_tokens=self.settings.max_tokens,
            temperature=self.settings.temperature,
        )

    # -- for scripts --------------------------------------------------------------------------------------------------

    def run(self, user_input: str) -> str:
        """Answer ``user_input`` from a plain script; ``respond`` is the asynchronous twin."""
        key = uuid4().hex
        room = Conversation(platform="script", channel="script")
        said = Message(event_id=key, conversation=room, sender=Sender("script"), text=user_input, message_id=key)
        outcome = run_sync(self.respond, said)
        return outcome.reply.text if outcome.reply else ""

    # -- for the host -------------------------------------------------------------------------------------------------

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        """Answer whatever happened; see :class:`~llmagent_os.host.host.Handler`."""
        if event.sender.is_bot:  # two that answer each other would never end
            return Outcome(None)
        match event:
            case Message() if self.preprocess(event.text):
                return await self.respond(event, draft)
            case Message() if event.attachments and event.addressed:
                return await self._unchosen(event, Reply(wordless(event.attachments)), "attachment", said="")
            case Command() if event.name in UNKEPT:
                return Outcome(self.interaction.render(await self.commands.run(event)))
            case Command():
                return await self._unchosen(event, await self.commands.run(event), "command", said="")
            case ButtonPress():
                return await self._pressed(event, event.value, said=event.value)
            case Timer():
                return await self._due(event)
            case Edit():
                return await self._edited(event)
            case _:
                return Outcome(None)  # nothing in it, or an edit of something answered already

    async def observe(self, interaction: Interaction, reward: RewardEvent) -> None:
        """Tell the behaviour policy what a reaction has changed, where nothing keeps it in step with the ledger; see
        :class:`~llmagent_os.policy_worker.PolicyWorker`.
        """
        decision = None if self.learning else decision_of(interaction, await self.person_of(interaction.user_id))
        if decision is None:
            return
        rows = [reward] if self.ledger is None else await self.ledger.rewards_of(interaction.interaction_id)
        stands = verdict(rows, await self.everyone(interaction.user_id), {})
        self.behavior.observe(decision, stands.reward, weight=stands.weight)

    async def person(self, event: Event) -> Profile:
        """The profile of who did it, wherever they are."""
        user_id = await self.person_of(identity_of(event))
        return await self.profiles.get(user_id) if self.profiles else Profile(user_id=user_id)

    async def person_of(self, identity: str) -> str:
        """The person that an identity is part of: what their profile and what is learned of them are kept under."""
        return identity if self.ledger is None else await self.ledger.identities.person(identity)

    async def everyone(self, identity: str) -> tuple[str, ...]:
        """All identities of a person."""
        return (identity,) if self.ledger is None else await self.ledger.identities.everyone(identity)

    async def tool_context(self, event: Event, call_id: str, decision: Decision | None = None) -> ToolContext:
        """For whom, where and when a tool is called, and as ``decision`` says; made here where there is none yet."""
        person = await self.person(event)
        zone = person.time_zone or self.settings.time_zone
        decision = decision or await self._decide(person, {})
        return ToolContext(
            user_id=person.user_id,
            conversation_key=event.conversation.key,
            call_id=call_id,
            now=self.clock().astimezone(ZoneInfo(zone)),
            time_zone=zone,
            text=event.text if isinstance(event, Message) else "",
            initiative="ask_first" if decision.action.get("initiative") == "ask_first" else "act",
            dimensions=self.behavior.dimensions,
            records=MemoryRecords(),  # the registry puts the plugin's own in its place
            profile=person,
            event=event,
        )

    async def _call(self, call: ToolCall, context: ToolContext) -> ToolResult:
        if self.plugins is None:
            raise ConfigError(f"the model called {call.name!r}, and this agent has no plugins")
        try:
            result = await self.plugins.call(call.name, call.arguments, context, allowed=self.settings.permissions)
        except PluginError as error:
            _log.warning("a tool call failed", tool=call.name, error=str(error))
            return ToolResult({"status": FAILED}, "Sorry, that did not work just now. Please try again in a moment.")
        await self._remember(context.profile, result.profile_changes)
        return result

    async def _remember(self, person: Profile, changes: dict[str, str]) -> None:
        """Write what a tool learned about the person into their profile."""
        if not changes or self.profiles is None:
            return
        try:
            await self.profiles.update(person.user_id, **changes)
        except ProfileError as error:
            _log.error("a tool's profile change was not taken", changes=sorted(changes), error=str(error))

    async def _pressed(self, event: Event, value: str, *, said: str) -> Outcome:
        """A button, or the words of one."""
        if value.startswith("agent:"):
            answer = await self.commands.pressed(event, value)
            if value.startswith(FORGET):  # what was said of it would be kept again
                return Outcome(self.interaction.render(answer))
            return await self._unchosen(event, answer, "button", said=said)
        if self.plugins is None:
            return Outcome(_STALE)
        features: Context = {"intent": "button"}
        decision = await self._decide(await self.person(event), features)
        context = await self.tool_context(event, event_key(event), decision)
        try:
            result = await self.plugins.press(value, context, allowed=self.settings.permissions)
        except PluginError as error:
            _log.warning("a button failed", value=value, error=str(error))
            return Outcome(_STALE)
        return await self._told(event, result, context, features, decision, said)

    async def _unchosen(self, event: Event, answer: Reply, intent: str, *, said: str) -> Outcome:
        """A reply that no behaviour was chosen for. It can be rated as any other, and "yes" can mean its button."""
        reply = self.interaction.render(answer)
        episode = await recall(self.ledger, event, identity_of(event), 1)
        nothing = Decision(action={}, pscore=1.0, policy_version="")
        return Outcome(reply, self._interaction(event, said, episode, {"intent": intent}, nothing, Turn(), reply))

    async def _due(self, event: Timer) -> Outcome:
        """A moment that a plugin asked for. Where it cannot answer, nobody waits: it is asked again later."""
        if self.plugins is None:
            return Outcome(None)
        features: Context = {"intent": "timer"}
        decision = await self._decide(await self.person(event), features)
        context = await self.tool_context(event, event_key(event), decision)
        permissions = self.settings.permissions
        try:
            result = await self.plugins.due(event.plugin, event.key, event.at, context, allowed=permissions)
        except PluginError as error:
            again = self.ledger is not None and event.tries < TIMER_TRIES
            _log.error(
                "a timer was not answered", plugin=event.plugin, tries=event.tries, again=again, error=str(error)
            )
            if self.ledger is not None and again:
                until = self.clock() + timedelta(seconds=_LATER.seconds(event.tries + 1))
                await self.ledger.postpone(event, until)
            return Outcome(None)
        return Outcome(None) if result is None else await self._told(event, result, context, features, decision, "")

    async def _decide(
        self, person: Profile, features: Context, decision_id: str = "", episode_id: str = ""
    ) -> Decision:
        """How to behave: one choice, which is kept, and which plugins are given."""
        if self.learning is not None:
            await self.learning.load(person.user_id)
        return self.behavior.decide(
            person.user_id, features, person.preferences, decision_id=decision_id, episode_id=episode_id
        )

    async def _told(
        self,
        event: Event,
        result: ToolResult,
        context: ToolContext,
        features: Context,
        decision: Decision,
        said: str,
    ) -> Outcome:
        """What a plugin says by itself, as it says it, and what is kept of it."""
        await self._remember(context.profile, result.profile_changes)
        reply = self.interaction.render(Reply(result.text, result.card, result.buttons, result.files))
        episode = await recall(self.ledger, event, identity_of(event), 1)
        turn = Turn(results=[result])
        return Outcome(reply, self._interaction(event, said, episode, features, decision, turn, reply))

    # -- for learning -------------------------------------------------------------------------------------------------

    async def may_teach(self, event: Reaction) -> bool:
        """Whether a reaction is kept: of somebody who is not learned from, only that they take one off."""
        return event.action == "removed" or may_learn((await self.person(event)).preferences)

    def _signs(
        self, message: Message, text: str, episode: Episode, turn: Turn, interaction: Interaction
    ) -> tuple[RewardEvent, ...]:
        """What a message says of the reply before it, and what its own reply is already known to lack."""
        rater = identity_of(message)
        signs: list[RewardEvent] = []
        before = episode.turns[-1] if episode.turns else None
        if before is not None and before.said and before.action_dist:
            signs.append(reward_of(sign(before, self.privacy.keep(text)[0]), before, message, rater, message.at))
        if any(result.data.get("status") == FAILED for result in turn.results):
            signs.append(reward_of("tool_failed", interaction, message, rater, message.at))
        return tuple(signs)

    async def _edited(self, event: Edit) -> Outcome:
        """Somebody changed what was answered already: the answer was not what they had wanted."""
        if self.ledger is None or not may_learn((await self.person(event)).preferences):
            return Outcome(None)
        turns = await self.ledger.history(event.conversation.key, identity_of(event), EDITS)
        edited = [turn for turn in turns if turn.context.get("message_id") == event.message_id and turn.action_dist]
        if not edited or self.privacy.keep(self.preprocess(event.text))[0] == edited[-1].said:
            return Outcome(None)
        return Outcome(None, rewards=(reward_of("edited", edited[-1], event, identity_of(event), event.at),))

    def _interaction(
        self,
        event: Event,
        said: str,
        episode: Episode,
        context: dict[str, Any],
        decision: Decision,
        turn: Turn,
        reply: Reply,
    ) -> Interaction:
        """What is kept of the turn, secrets masked.

        Its tokens are kept where they can be learned from: not those of masked text, which no longer fit it, nor those
        of words that were not sent, because what people think of the reply says nothing of them.
        """
        last = turn.completions[-1] if turn.completions else None
        prompt, prompt_masked = self.privacy.keep(last.prompt if last else "")
        completion, masked = self.privacy.keep(last.text if last else "")
        sent = last is not None and not last.tool_calls and self.privacy.release(last.text) == reply.text
        learnable = sent and not masked and not prompt_masked
        if turn.calls:
            context = context | {"intent": turn.calls[0].name}
        if reply.buttons:
            buttons = [[self.privacy.keep(button.label)[0], button.value] for button in reply.buttons]
            context = context | {"buttons": buttons}
        calls = [
            {"name": call.name, "arguments": call.arguments, "result": result.data}
            for call, result in zip(turn.calls, turn.results, strict=False)
        ]
        return Interaction(
            interaction_id=event_key(event),
            event_id=event.event_id,
            episode_id=episode.episode_id or event_key(event),
            turn_index=episode.turn_index,
            user_id=identity_of(event),
            conversation_key=event.conversation.key,
            context=context | {"reply": self.privacy.keep(reply.text)[0]},
            action=decision.action,
            action_dist=decision.action_dist,
            pscore=decision.pscore,
            policy_version=decision.policy_version,
            prompt=prompt,
            completion=completion,
            token_ids=list(last.token_ids) if last and learnable else [],
            behavior_logprobs=list(last.logprobs) if last and learnable else [],
            adapter_version=last.adapter_version if last else "",
            model=last.model if last else "",
            tool_calls=self.privacy.keep_all(calls),
            said=self.privacy.keep(said)[0],
        )
