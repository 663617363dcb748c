"""What a model and its tools gave for one message, and whose words the person reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from llmagent_os.adapter import Button, Reply
from llmagent_os.chat import Completion, ToolCall, ToolSpec
from llmagent_os.languages import lazy_gettext
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.claim_check import claims_too_much
from llmagent_os.reply.grounding_check import Fault, fault_in, holds
from llmagent_os.reply.model_failure import FailureKind
from llmagent_os.reply.taught_check import Sayable, is_sayable, known_values, may_begin, of_result, of_talk
from llmagent_os.serving.model_card import Grounding
from llmagent_os.serving.taught_replies import NOTHING_TAUGHT, TaughtReplies
from llmagent_os.tools.result_statuses import ASKING, CONFIRM, FAILED, HELD_BACK

if TYPE_CHECKING:
    from llmagent_os.modules import PrivacyModule

#: The statuses of results that a reply must name: something was done, or found.
DONE = frozenset(("created", "noted", "deleted", "moved", "unchanged", "listed", "set"))

#: What is said where a model gave no words, or none that may be sent, and no tool has words.
NO_ANSWER = lazy_gettext("Sorry, I have no answer to that.")
NOT_UNDERSTOOD = lazy_gettext("I'm not sure what you mean. Could you say it another way?")

#: Why a person read other words than the model's: these were not true to the results, or there were none.
Replaced = Literal["ungrounded", "failure"]


class OtherWords(StrEnum):
    """Why a person reads other words than the model's."""

    FAILURE = "failure"  #: the model gave no answer
    FIXED = "fixed"  #: the last tool's text is said as it is, see :attr:`Answer.is_fixed`
    SILENT = "silent"  #: the model wrote nothing
    UNTRUE = "untrue"  #: what it wrote is not true to the results, see :meth:`Answer.fault`


@dataclass
class Answer:
    """What a model has answered so far, and what the tools gave it. It grows while the model works."""

    known: str = ""  #: the system message: what the model knew besides the results
    own: frozenset[str] = frozenset()  #: the words that the model uses by itself; empty: they are not known
    taught: TaughtReplies = NOTHING_TAUGHT  #: the texts that the model was taught; empty: they are not known
    grounding: Grounding = "off"  #: whether the model's words are checked against the results
    text: str = ""  #: the model's last words
    completions: list[Completion] = field(default_factory=list[Completion])
    #: completions after these, whose tool calls were not valid: the model did not get further
    rejected: tuple[Completion, ...] = ()
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    results: list[ToolResult] = field(default_factory=list[ToolResult])  #: one for each call
    #: what the model was shown after it had looked for other tools: one set for each search that found some
    found_tools: list[tuple[ToolSpec, ...]] = field(default_factory=list[tuple[ToolSpec, ...]])
    by_rules: int = 0  #: how many of the first calls a plugin's rules read in the message; no model drew them
    joined: ToolResult | None = None  #: the one result that stands for those of several calls; None: the last stands
    failure: FailureKind | None = None  #: why the model gave no answer; None: it gave one
    open_question: str = ""  #: what was asked in the turn before and not answered, as a sentence
    #: references of the passages that the model was shown, or that are quoted; empty: no document had a part in it
    passages: list[str] = field(default_factory=list[str])
    cited_text: str = ""  #: the model's words as they are sent, with their sources; empty: they are sent as written
    buttons: tuple[Button, ...] = ()  #: show the passages that are cited

    @property
    def is_fixed(self) -> bool:
        """Whether the last tool's text is said as it is, whatever the model writes.

        It asks before it acts, so that "yes" does what it says; it says that the tool failed; it leads to a card or a
        table, which shows what the model would say once more; or the tool wants it so.
        """
        last = self.joined or (self.results[-1] if self.results else None)
        return last is not None and (
            last.word_for_word
            or last.card is not None
            or last.table is not None
            or last.data.get("status") in (CONFIRM, FAILED, HELD_BACK)
        )

    def other_words(self, privacy: PrivacyModule) -> OtherWords | None:
        """Why the person reads other words than the model's: the first reason that holds. None: they read the model's.

        The other words are the last tool's, or where no tool was called those that :meth:`reply` says for the reason.
        """
        if self.failure is not None:
            return OtherWords.FAILURE
        if self.is_fixed:
            return OtherWords.FIXED
        if not privacy.release(self.text):
            return OtherWords.SILENT
        if self.grounding == "enforce" and self.fault(privacy) is not None:
            return OtherWords.UNTRUE
        return None

    def replaced(self, privacy: PrivacyModule) -> Replaced | None:
        """Whether the model's words were replaced for a fault of its own; None: they were sent, or were not wanted."""
        marks: dict[OtherWords | None, Replaced] = {OtherWords.FAILURE: "failure", OtherWords.UNTRUE: "ungrounded"}
        return marks.get(self.other_words(privacy))

    def reply(self, privacy: PrivacyModule) -> Reply:
        """The model's words, or those that stand for them; then what waits."""
        reason = self.other_words(privacy)
        text = privacy.release(self.text)  # where the model failed, what is said of it
        if not self.results:
            instead = {OtherWords.SILENT: NO_ANSWER, OtherWords.UNTRUE: NOT_UNDERSTOOD}
            return Reply(self.with_waiting(str(instead.get(reason, text)) if reason else text), buttons=self.buttons)
        last = self.joined or self.results[-1]
        buttons = (*last.buttons, *self.buttons)
        shown = self.with_waiting(last.text if reason else text)
        return Reply(shown, last.card, buttons, last.files, pictures=last.pictures, table=last.table)

    def with_waiting(self, text: str) -> str:
        """``text``, and what still waits for the person where the text does not say it.

        The question of the turn before is repeated once. A reply that asks something itself does not repeat it.
        """
        waiting = [result.waiting for result in self.results if result.waiting]
        asks = any(result.buttons and "?" in result.text for result in self.results[-1:])  # an Undo asks nothing
        sentences = waiting or ([self.open_question] if self.open_question and not asks else [])
        apart = "\n\n" if "\n" in text else " "  # a text of several lines may end with no stop
        return apart.join([text, *(sentence for sentence in dict.fromkeys(sentences) if sentence not in text)])

    def may_show(self, text: str) -> bool:
        """Whether ``text``, which may be the beginning of a reply, may be sent."""
        if self.is_fixed:
            return False
        if self.grounding != "enforce":
            return True
        said = self.sayable()
        return self.fault_in(text) is None and (said is None or may_begin(text, said)) and not self.overclaims(text)

    def fault(self, privacy: PrivacyModule) -> Fault | None:
        """What the check of the whole reply finds; None: nothing, or the check is off, or the words are a tool's."""
        text = privacy.release(self.text)
        if self.grounding == "off" or self.failure is not None or not text or self.is_fixed:
            return None
        if fault := self.fault_in(text):
            return fault
        if self.overclaims(text):
            return "claim"
        if self.omits(text):
            return "omission"
        said = self.sayable()
        return None if said is None or is_sayable(text, said) else "untaught"

    def fault_in(self, text: str) -> Fault | None:
        """What ``text`` says that neither the results nor the system message hold; None: nothing, or no results."""
        if not self.results:
            return None
        sources = (str(value) for result in self.results for value in (*result.data.values(), result.text))
        return fault_in(text, [*sources, self.known], self.own)

    def overclaims(self, text: str) -> bool:
        """Whether ``text`` says that something was done that no result did."""
        return claims_too_much(text, [str(result.data.get("status", "")) for result in self.results])

    def omits(self, text: str) -> bool:
        """Whether ``text`` leaves out what the last tool did or found, its repetition, what it conflicts with, or asks.

        Only a small model whose words are known is checked: every word of its reply can be true, and the reply can
        still be about something else, or leave a person without the question that they have to answer.
        """
        data = self.results[-1].data if self.results else {}
        if self.own and data.get("status") in ASKING:
            return "?" not in text
        knows_replies = self.taught.results and not self.by_lora
        if not self.own or knows_replies or data.get("status") not in DONE:
            return False  # what a model was taught to say of a result names what there is to name
        what = next((key for key in ("title", "events", "name", "place") if key in data), None)
        return not all(holds(text, str(data[key])) for key in (what, "repeat", "conflict") if key in data)

    def sayable(self) -> Sayable | None:
        """What the model can say that is true; None: it is not known what the model was taught.

        A LoRA may have taught the model new words: those are checked as any model's are.
        """
        known = known_values(self.known)
        if self.by_lora:
            return None
        if self.results and self.taught.results:
            tool = self.calls[-1].name if self.calls else ""
            return of_result(self.taught, tool, self.results[-1].data, known)
        if not self.results and self.taught.talk:
            return of_talk(self.taught, known)
        return None

    @property
    def by_lora(self) -> bool:
        """Whether a LoRA had a part in the last words."""
        return any(completion.lora_version != "base" for completion in self.completions[-1:])
