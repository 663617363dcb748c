"""What the ledger keeps. What breaks without this: secrets are stored, or the wrong words are learned from."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.chat import ChatRequest, Completion, ToolCall
from llmagent_os.errors import ModelError, ModelUnavailableError, PromptTooLongError
from llmagent_os.identity import PersonId
from llmagent_os.ledger import CompletionRecord, Interaction
from llmagent_os.llm import LLM
from llmagent_os.policy_worker import decision_of
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.tool_call_parsing import InvalidCallError
from tests.unit.agent_bench import Bench

WRITE = ToolCall("write", {"what": "rain"})


class SampledModel:
    """A model in this process, as far as its completions go: each has tokens, and the prompt that it was asked."""

    def __init__(self, script: Sequence[Completion | ModelError]) -> None:
        self._script = list(script)

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        said = self._script.pop(0)
        if isinstance(said, ModelError):
            raise said
        return msgspec.structs.replace(said, prompt="|".join(str(each["content"]) for each in request.messages))

    async def aclose(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""


def drawn(text: str = "", *calls: ToolCall, temperature: float = 0.7) -> Completion:
    return Completion(
        text=text,
        tool_calls=calls,
        prompt_token_ids=(1, 2, 3),
        token_ids=(4, 5),
        logprobs=(-0.5, -0.25),
        temperature=temperature,
        constraint='{"rules":1}',
        model="tiny",
        model_hash="0123456789ab",
        lora_version="ana@0123456789ab",
    )


def agent(bench: Bench, *script: Completion | ModelError) -> Agent:
    return bench.agent(llm=LLM("tiny", SampledModel(script)))


async def kept_of(bench: Bench, interaction: Interaction) -> tuple[CompletionRecord, ...]:
    """The completions as training reads them."""
    found = await bench.ledger.completions_of(interaction.interaction_id)
    assert found == interaction.completions
    return found


async def test_what_is_kept_for_training_holds_no_contact_data(bench: Bench) -> None:
    agent = bench.agent("I noted ana@example.org.")
    _, kept = await bench.say(agent, "my address is ana@example.org")
    assert "ana@example.org" not in str(kept)
    _, offered = await bench.say(bench.agent(ToolCall("choose", {}), "Which one?"), "which mail?")
    assert offered.context["buttons"] == [["Mail [email]", "diary:1"]]
    assert [(each.masked, each.token_ids) for each in kept.completions] == [(True, ())]
    assert "[email]" in str(kept.completions[0].messages)


async def test_every_completion_is_kept_with_all_that_learning_needs(bench: Bench) -> None:
    """Choosing the tool is the skill that rewards are about: the model could not learn it from its last words."""
    _, kept = await bench.say(
        agent(bench, drawn("", WRITE), drawn("I wrote rain down.", temperature=0.0)), "write down rain"
    )
    call, words = await kept_of(bench, kept)
    assert (call.tool_calls, call.completion, call.sent, call.sampled) == ((WRITE,), "", False, True)
    assert (words.tool_calls, words.completion, words.sent, words.sampled) == ((), "I wrote rain down.", True, False)
    for each in (call, words):
        assert each.prompt.endswith("write down rain" if each is call else "}")
        assert (each.prompt_token_ids, each.token_ids, each.behavior_logprobs) == ((1, 2, 3), (4, 5), (-0.5, -0.25))
        assert (each.model, each.model_hash, each.lora_version) == ("tiny", "0123456789ab", "ana@0123456789ab")
        assert (each.constraint, each.masked) == ('{"rules":1}', False)
    assert call.messages is not None
    assert [turn["role"] for turn in call.messages] == ["system", "user"]
    assert [turn["role"] for turn in words.messages or ()] == ["system", "user", "assistant", "tool"]
    assert await bench.ledger.tool_set(call.tools or "") == bench.plugins.specs(None) != ()
    assert words.tools == call.tools
    assert (kept.completion, kept.model, kept.lora_version) == (words.completion, words.model, words.lora_version)


async def test_tokens_that_spell_a_secret_are_dropped_with_it(bench: Bench) -> None:
    """Whoever has the tokenizer could read the secret, in the words, in a call, or in the prompt."""
    secret = ToolCall("write", {"what": "ana@example.org"})
    said = agent(bench, drawn("", WRITE), drawn("", secret), drawn("I wrote rain down."))
    _, kept = await bench.say(said, "write down rain")
    first, call, words = await kept_of(bench, kept)
    assert (first.masked, first.prompt_token_ids, first.token_ids) == (False, (1, 2, 3), (4, 5)), "written before"
    assert call.tool_calls == (ToolCall("write", {"what": "[email]"}),)
    for each in (call, words):  # the prompt of the words has the call in it
        assert each.masked
        assert (each.prompt_token_ids, each.token_ids, each.behavior_logprobs) == ((), (), ())
    assert "ana@example.org" not in str(kept)


@pytest.mark.parametrize("value", [4111111111111111, {"ana@example.org": 1}])
async def test_a_secret_that_is_no_string_drops_the_tokens_too(bench: Bench, value: object) -> None:
    """A model that gives a card as a number, or an address as the name of a field, spells it out in its tokens."""
    said = agent(bench, drawn("", ToolCall("write", {"what": "rain", "with": value})), drawn("I wrote rain down."))
    _, kept = await bench.say(said, "write down rain")
    assert (await kept_of(bench, kept))[0].masked


async def test_the_tokens_of_words_that_were_not_sent_say_so(bench: Bench) -> None:
    """A thumb up under the tool's own words must not teach the model the wrong words that they stand for."""
    call = ToolCall("write", {"what": "rain"})
    checked = AgentSettings(grounding="enforce")
    _, wrong = await bench.say(bench.agent(call, "I wrote Raisins down at 5 PM.", settings=checked), "write down rain")
    assert wrong.completion == "I wrote Raisins down at 5 PM."
    replaced = (await kept_of(bench, wrong))[-1]
    assert (replaced.completion, replaced.sent) == (wrong.completion, False)
    assert len(replaced.token_ids) == len(replaced.behavior_logprobs) > 0, "they were drawn all the same"
    _, right = await bench.say(bench.agent(call, "I wrote rain down."), "write down rain")
    assert right.context["reply"] == right.completion
    answer = (await kept_of(bench, right))[-1]
    assert answer.sent
    assert len(answer.token_ids) == len(answer.behavior_logprobs) > 0


async def test_calls_that_were_not_valid_are_kept_and_credited_with_nothing(bench: Bench) -> None:
    """A model would never unlearn them, or would be rewarded for what it repaired afterwards."""
    wrong = InvalidCallError("it is not JSON", "<tool_call>{oops").of(drawn())
    _, kept = await bench.say(agent(bench, wrong, drawn("", WRITE), drawn("I wrote rain down.")), "write down rain")
    rejected, call, words = await kept_of(bench, kept)
    assert (rejected.completion, rejected.token_ids) == ("<tool_call>{oops", (4, 5))
    assert [(each.sent, bool(each.tool_calls)) for each in (rejected, call, words)] == [
        (False, False),
        (False, True),
        (True, False),
    ]
    _, failed = await bench.say(agent(bench, wrong, wrong), "write down rain")
    assert [(each.completion, each.sent) for each in await kept_of(bench, failed)] == [(rejected.completion, False)] * 2
    assert (failed.completion, failed.model) == ("", ""), "no model wrote the apology"


async def test_a_first_try_is_kept_also_where_the_second_fails_for_another_reason(bench: Bench) -> None:
    """The question about a wrong call makes the prompt longer: it can be too long, and a server can go down then."""
    wrong = InvalidCallError("it is not JSON", "<tool_call>{oops").of(drawn())
    too_long, down = PromptTooLongError("5 tokens too many"), ModelUnavailableError("no server at :1")
    await bench.say(agent(bench, drawn("Hello.")), "hello")
    _, kept = await bench.say(agent(bench, wrong, too_long, drawn("I am here.")), "hi")
    assert [(each.completion, each.sent) for each in await kept_of(bench, kept)] == [
        ("<tool_call>{oops", False),
        ("I am here.", True),
    ]
    for error in (too_long, down):
        failing = (wrong, error) if error is down else (wrong, error, wrong, error, wrong, error)
        _, failed = await bench.say(agent(bench, *failing), "hi", channel=f"new {error}")
        assert {each.completion for each in await kept_of(bench, failed)} == {"<tool_call>{oops"}


async def test_thoughts_are_kept_and_never_sent(bench: Bench) -> None:
    """A reasoning model can only be trained on what it really wrote."""
    thinking = msgspec.structs.replace(drawn("I am here."), reasoning="She greets me.")
    text, kept = await bench.say(agent(bench, thinking), "hi")
    assert text == "I am here."
    assert [(each.completion, each.reasoning) for each in await kept_of(bench, kept)] == [
        ("I am here.", "She greets me.")
    ]
    secret = msgspec.structs.replace(drawn("I am here."), reasoning="Her mail is ana@example.org.")
    _, kept = await bench.say(agent(bench, secret), "hi")
    (masked,) = await kept_of(bench, kept)
    assert (masked.reasoning, masked.masked, masked.token_ids) == ("Her mail is [email].", True, ())


async def test_a_reply_that_was_replaced_teaches_the_policy_nothing(bench: Bench) -> None:
    """The person rates the tool's words. Their style and length are not what the policy chose."""
    call = ToolCall("write", {"what": "rain"})
    checked = AgentSettings(grounding="enforce")
    chosen = {"action": {"mode": "brief"}, "action_dist": {"0": 1.0}, "policy_version": "learned"}
    taught: list[bool] = []
    for said in ("I wrote Raisins down.", "I wrote rain down.", ModelUnavailableError("down")):
        _, kept = await bench.say(bench.agent(call, said, settings=checked), "write down rain")
        taught.append(decision_of(msgspec.structs.replace(kept, **chosen), PersonId("p")) is not None)
    assert taught == [False, True, False]
