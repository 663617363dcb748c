"""Examples from the ledger. What breaks without this: people are learned from who said no, or the wrong part of a reply
is learned.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from llmagent_os.agent import AgentSettings
from llmagent_os.chat import Message, ToolCall
from llmagent_os.feedback.rater_trust import MAX_WINDOW_OPINIONS, MIN_JUDGED_OPINIONS
from llmagent_os.feedback.verdict import BYSTANDER_WEIGHT
from llmagent_os.identity import PersonId
from llmagent_os.llm import LLM
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import locate
from llmagent_os.training.example_cleaning import clean_examples
from llmagent_os.training.ledger_examples import UNPROVEN_WEIGHT, LedgerExamples
from llmagent_os.training.preprocessing import preprocess
from llmagent_os.training.training_example import TrainingExample
from tests.tiny_model import save_model
from tests.unit.agent_bench import Bench
from tests.unit.training.talk import Talk, talking

WRITE = ToolCall("write", {"what": "rain"})
U1 = PersonId("memory::u1")


@pytest.fixture
async def talk(bench: Bench) -> AsyncIterator[Talk]:
    async with talking(bench) as opened:
        yield opened


def turn(example: TrainingExample) -> str | list[tuple[str, dict[str, object]]]:
    """What is learned, short: words, or calls."""
    return short(example.messages[-1])


def short(answer: Message) -> str | list[tuple[str, dict[str, object]]]:
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in answer.get("tool_calls", [])]
    return calls or str(answer["content"])


def summary(found: LedgerExamples) -> list[tuple[object, float, float]]:
    return [(turn(each), each.reward, each.weight) for each in found.examples]


async def opt_out(talk: Talk, person: PersonId) -> None:
    profiles = talk.agent.services.profiles
    assert profiles is not None
    await profiles.update(person, preferences={"learning": "off"})


async def test_a_liked_and_a_disliked_reply_become_examples_with_their_chats(talk: Talk) -> None:
    """The loop from reaction to weights begins here."""
    liked = await talk.say("hello", "Hi there.")
    disliked = await talk.say("what is up?", "I am an assistant and I have no feelings.")
    await talk.say("and now?", "Not rated.")
    await talk.react(liked, "👍")
    await talk.react(disliked, "👎")
    found = await talk.examples()
    assert summary(found) == [("Hi there.", 1.0, 1.0), ("I am an assistant and I have no feelings.", -1.0, 1.0)]
    first, second = found.examples
    assert [each["role"] for each in second.messages] == ["system", "user", "assistant", "user", "assistant"]
    assert [each["content"] for each in second.messages[1:4]] == ["hello", "Hi there.", "what is up?"]
    assert first.tools == talk.bench.plugins.specs() != ()
    assert (first.person, first.raters, first.origin) == (U1, (U1,), "ledger:memory:e1")
    assert first.conversation == second.conversation
    assert first.episode == second.episode == "memory:e1"
    assert (first.turn, second.turn) == (0, 1)
    usual = {"initiative": "act", "mode": "task_oriented", "verbosity": "normal"}
    assert first.action == second.action == usual
    assert 0 < first.written < second.written
    assert first.logged is not None
    assert (first.logged.token_ids, first.logged.logprobs, first.logged.temperature) == ((4, 5), (-0.5, -0.25), 0.7)


async def test_nobody_is_learned_from_who_has_not_agreed(talk: Talk) -> None:
    """Consent that was withdrawn after the reaction must hold for what was said and for what was thought."""
    mine = await talk.say("hello", "Hi u1.")
    other = await talk.say("hello", "Hi u2.", user="u2")
    for sent in (mine, other):
        await talk.react(sent, "👍", user="u1")
        await talk.react(sent, "👍", user="u3")
    assert [each.raters for each in (await talk.examples()).examples] == [(U1,), ("memory::u1", "memory::u3")]
    await opt_out(talk, U1)
    (left,) = (found := await talk.examples()).examples
    assert (turn(left), left.raters, left.weight) == ("Hi u2.", ("memory::u3",), 0.25)
    assert found.passed_over == {"the person has not agreed to it": 1}
    await opt_out(talk, PersonId("memory::u2"))
    assert (await talk.examples()).examples == ()


async def test_a_reaction_that_was_taken_off_teaches_nothing(talk: Talk) -> None:
    """People take a reaction off because it was a mistake."""
    sent = await talk.say("hello", "Hi.")
    await talk.react(sent, "👎")
    first = await talk.examples()
    await talk.react(sent, "👎", removed=True)
    assert [each.reward for each in first.examples] == [-1.0]
    again = await talk.examples(first)
    assert (again.examples, again.passed_over) == ((), {"no opinion is about what a model wrote": 1})


async def test_only_what_is_new_is_read_again_with_all_that_is_thought_of_it(talk: Talk) -> None:
    """A job every night would read the whole ledger, or forget what was thought before."""
    one, two = await talk.say("hello", "Hi."), await talk.say("what is up?", "Nothing.")
    await talk.react(one, "👍")
    await talk.react(two, "👍")
    first = await talk.examples()
    assert (len(first.examples), first.through) == (2, await talk.bench.ledger.last_reward())
    assert (await talk.examples(first)).examples == ()
    await talk.react(one, "👎", user="u9")
    (again,) = (await talk.examples(first)).examples
    assert (turn(again), again.reward, again.raters) == ("Hi.", 1.0, (U1,)), "the one who was answered decides"


async def test_thanks_speak_of_the_call_and_the_words_and_a_reaction_of_the_words(talk: Talk) -> None:
    """A taste in wording must not unlearn the tools, and the skill must be learned, too."""
    sent = await talk.say("write down rain", WRITE, "I wrote rain into your diary for you.")
    await talk.react(sent, "👎")
    wordy = ("I wrote rain into your diary for you.", -1.0, 1.0)
    assert summary(await talk.examples()) == [wordy]
    await talk.react(sent, "👎", removed=True)
    await talk.say("thanks!", "Sure.")
    call = [("write", {"what": "rain"})]
    assert summary(found := await talk.examples()) == [(call, 1.0, 1.0), (wordy[0], 1.0, 1.0)]
    assert [each["role"] for each in found.examples[1].messages[-3:]] == ["assistant", "tool", "assistant"]


async def test_a_reaction_to_words_that_a_tool_fixed_speaks_of_the_call(talk: Talk) -> None:
    """The model could not have put them in another way."""
    sent = await talk.say("ask me", ToolCall("ask", {}), "Shall I?")
    await talk.react(sent, "👎")
    assert summary(await talk.examples()) == [([("ask", {})], -1.0, 1.0)]


async def test_a_failed_tool_speaks_of_the_call_that_failed(talk: Talk) -> None:
    """The calls that worked would be unlearned with it."""
    await talk.say("do it", WRITE, ToolCall("fail", {}))
    assert summary(await talk.examples()) == [([("fail", {})], -0.5, 1.0)]


async def test_a_correction_shows_the_call_that_was_meant_in_the_words_that_were_said(talk: Talk) -> None:
    """People correct a bot that misreads their way of speaking: after a job it must read them right."""
    await talk.say("jot rain 2moro down pls", ToolCall("write", {"what": "2moro down"}), "Noted it.")
    await talk.say("no, I meant write down Rain", ToolCall("write", {"what": "Rain"}), "Rain it is.")
    wrong, target = (await talk.examples()).examples
    assert (turn(wrong), wrong.reward, wrong.weight) == ([("write", {"what": "2moro down"})], -1.0, 1.0)
    assert (turn(target), target.reward, target.logged) == ([("write", {"what": "rain"})], 1.0, None)
    assert target.rejected is not None
    assert short(target.rejected) == turn(wrong)
    assert target.messages[:-1] == wrong.messages[:-1]
    assert target.messages[-2]["content"] == "jot rain 2moro down pls"
    assert target.origin == wrong.origin + "#corrected"


async def test_a_tool_that_should_have_been_called_is_the_target(talk: Talk) -> None:
    """A bot that chats where it should act could never be told so."""
    await talk.say("rain, for the diary", "Rain is water that falls.")
    await talk.say("no, write rain down", WRITE, "Rain it is.")
    wrong, target = (await talk.examples()).examples
    assert (turn(wrong), turn(target)) == ("Rain is water that falls.", [("write", {"what": "rain"})])


async def test_an_answer_that_corrects_a_question_speaks_of_the_call(talk: Talk) -> None:
    """A bot that asks first would never learn what it had misread; it must not learn from a plain answer either."""
    await talk.say("plan rain 2moro", ToolCall("ask", {"what": "2moro"}), "Shall I?")
    await talk.say("no, I meant plan rain", ToolCall("ask", {"what": "rain"}), "Shall I?")
    await talk.say("tell me about rain", "Water.")
    wrong, target = (await talk.examples()).examples
    assert (turn(wrong), turn(target)) == ([("ask", {"what": "2moro"})], [("ask", {"what": "rain"})])


async def test_a_correction_that_says_something_new_shows_no_target_and_counts_less(talk: Talk) -> None:
    """The model would learn to invent what nobody said, and to unlearn a call that was right."""
    await talk.say("write down rain", WRITE, "Noted it.")
    await talk.say("no, I meant sunshine", ToolCall("write", {"what": "sunshine"}), "Sunshine it is.")
    call = [("write", {"what": "rain"})]
    assert summary(await talk.examples()) == [(call, -1.0, UNPROVEN_WEIGHT)]


async def test_a_second_try_that_was_wrong_too_is_no_target(talk: Talk) -> None:
    """The model would learn the second mistake for the first."""
    await talk.say("jot rain down now", ToolCall("write", {"what": "down now"}), "Noted it.")
    await talk.say("no, I meant jot rain", ToolCall("write", {"what": "jot"}), "Noted jot.")
    await talk.say("no, that's wrong", "Sorry.")
    assert [each.rejected for each in (await talk.examples()).examples] == [None, None]


@pytest.mark.parametrize("complaint", ["👎", "in words", "wrong again"])
async def test_what_is_said_again_after_a_complaint_shows_the_call_that_was_meant(talk: Talk, complaint: str) -> None:
    """Most people do not say "no, I meant": they complain, and say it again in plainer words."""
    sent = await talk.say("jot rain down now", ToolCall("write", {"what": "rain down"}), "I have noted it.")
    if complaint == "👎":
        await talk.react(sent, complaint)
    else:
        await talk.say("that's wrong", "Sorry.")
    if complaint == "wrong again":
        await talk.say("no, jot rain", ToolCall("write", {"what": "jot"}), "Noted.")
    await talk.say(f"{'no, ' * (complaint == 'wrong again')}write down rain", WRITE, "Noted.")
    wrong, target = (await talk.examples()).examples[:2]
    assert turn(wrong) == [("write", {"what": "rain down"})], "it is not about the words"
    assert (turn(target), target.messages[:-1]) == ([("write", {"what": "rain"})], wrong.messages[:-1])


async def test_another_tool_was_meant_where_the_first_has_changed_nothing(talk: Talk) -> None:
    """A bot that looks something up where it should write it down could never be told so."""
    await talk.say("stick rain in", ToolCall("choose", {}), "Which?")
    await talk.say("no, write down rain", WRITE, "Noted.")
    assert [turn(each) for each in (await talk.examples()).examples] == [
        [("choose", {})],
        [("write", {"what": "rain"})],
    ]


async def test_another_tool_may_take_back_what_the_first_has_done(talk: Talk) -> None:
    """ "No, cancel gym" after "add gym" does not mean that "add" is to cancel. After an Undo it was a mistake."""
    sent = await talk.say("tear rain out", ToolCall("tear", {}), "Torn it is.")
    await talk.say("no, write down rain", WRITE, "Noted.")
    assert [each.rejected for each in (await talk.examples()).examples] == [None]
    await talk.say("hello", "Hi.", channel="c2")
    sent = await talk.say("tear rain out", ToolCall("tear", {}), "Torn it is.", channel="c2")
    await talk.press(sent, "diary:undo")
    await talk.say("write down rain", WRITE, "Noted.", channel="c2")
    assert turn((await talk.examples()).examples[-1]) == [("write", {"what": "rain"})]


@pytest.mark.parametrize("next_call", [ToolCall("write", {"what": "sunshine"}), ToolCall("choose", {})])
async def test_somebody_who_goes_on_after_a_thumb_down_shows_nothing(talk: Talk, next_call: ToolCall) -> None:
    """The model would learn the next request for the one before."""
    await talk.react(await talk.say("jot rain down", WRITE, "I have noted it."), "👎")
    await talk.say("and now sunshine", next_call, "Done.")
    assert summary(await talk.examples()) == [("I have noted it.", -1.0, 1.0)]


async def test_yes_and_no_say_whether_the_call_was_right(talk: Talk) -> None:
    """They are the plainest answers that there are, and speak of no wording."""
    asked = await talk.say("plan rain", ToolCall("ask", {"what": "rain"}), "Shall I?")
    await talk.press(asked, "diary:yes")
    asked = await talk.say("plan rain 2moro", ToolCall("ask", {"what": "2moro"}), "Shall I?")
    await talk.press(asked, "diary:no")
    yes, no = [("ask", {"what": "rain"})], [("ask", {"what": "2moro"})]
    assert summary(await talk.examples()) == [(yes, 0.5, 1.0), (no, -0.5, UNPROVEN_WEIGHT)]
    await talk.say("plan rain", ToolCall("ask", {"what": "rain"}), "Shall I?")
    assert turn((await talk.examples()).examples[-1]) == yes, "and what is said after a No is what was meant"


async def test_a_correction_of_a_call_counts_also_where_the_words_were_replaced(bench: Bench) -> None:
    """A small model that misreads somebody often writes words, too, that are not true to what the tool has done."""
    async with talking(bench, settings=AgentSettings(grounding="enforce")) as talk:
        await talk.say("jot rain down now", ToolCall("write", {"what": "down now"}), "I wrote sunshine at 7 PM.")
        await talk.say("no, I meant write rain", WRITE, "Written.")
        found = await talk.examples()
    assert [turn(each) for each in found.examples] == [[("write", {"what": "down now"})], [("write", {"what": "rain"})]]


async def test_an_undo_and_an_edit_speak_of_the_call(talk: Talk) -> None:
    """They are corrections without words."""
    sent = await talk.say("tear it", ToolCall("tear", {}), "Torn it is.")
    await talk.press(sent, "diary:undo")
    await talk.say("write down rain", WRITE, "Noted it.")
    await talk.edit("m-e3", "write down sunshine")
    assert summary(await talk.examples()) == [
        ([("tear", {})], -1.0, UNPROVEN_WEIGHT),
        ([("write", {"what": "rain"})], -0.5, UNPROVEN_WEIGHT),
    ]


async def test_opinions_that_cancel_out_teach_nothing_and_are_counted(talk: Talk) -> None:
    sent = await talk.say("hello", "Hi.", user="u2")
    await talk.react(sent, "👍")
    await talk.react(sent, "👎", user="u3")
    found = await talk.examples()
    assert (found.examples, found.passed_over) == ((), {"the opinions cancel out": 1})


async def test_what_was_masked_is_no_target_and_its_tokens_are_gone(talk: Talk) -> None:
    """A model would learn to say "[email]", or the address itself."""
    said = await talk.say("hello", "Write to ana@example.org.")
    asked = await talk.say("my address is ana@example.org", "Good to know.")
    await talk.react(said, "👍")
    await talk.react(asked, "👍")
    (left,) = (found := await talk.examples()).examples
    assert (turn(left), left.logged) == ("Good to know.", None)
    assert found.passed_over == {"what the model wrote was masked": 1}
    assert "ana@example.org" not in str(found.examples)


async def test_words_that_were_replaced_are_not_learned(bench: Bench) -> None:
    """Nobody has read them: the person reacts to other words."""
    async with talking(bench, settings=AgentSettings(grounding="enforce")) as talk:
        sent = await talk.say("write down rain", WRITE, "I wrote sunshine at 7 PM.")
        assert sent.reply.text == "Written: rain."
        await talk.react(sent, "👎")
        found = await talk.examples()
    assert (found.examples, found.passed_over) == ((), {"the model's words were replaced": 1})


async def test_a_flood_of_votes_teaches_nothing_also_once_it_is_over(talk: Talk) -> None:
    """Fifty hostile votes must not move what others read."""
    sents = [await talk.say(f"question {number}", f"Answer {number}.", user=f"v{number}") for number in range(40)]
    for sent in sents[:-1]:
        await talk.react(sent, "👎", user="troll")
    assert (await talk.examples()).examples == ()
    await talk.react(sents[-1], "👎", user="troll", after=timedelta(hours=1))
    found = (await talk.examples()).examples
    assert len(found) == MAX_WINDOW_OPINIONS + 1, "what came in the flood still counts nothing"
    assert {each.weight for each in found} == {BYSTANDER_WEIGHT * MIN_JUDGED_OPINIONS / 40}, "never positive"


async def test_a_prompt_is_made_again_from_the_ledger_token_for_token(bench: Bench, tmp_path: Path) -> None:
    """A model would be trained on other prompts than it is given, and on other tokens than it wrote."""
    base = save_model(tmp_path / "base")
    settings = AgentSettings(max_tokens=12, temperature=1.0, seed=1)  # a few draws in thousands are empty
    async with (
        LLM.from_pretrained(str(base)) as llm,
        talking(bench, llm=llm, settings=settings) as talk,
    ):
        for text in ("lunch with Ana?", "and on friday?"):
            await talk.react(await talk.say(text), "👍")
        found = clean_examples((await talk.examples()).examples)
    location = locate(str(base))
    vocabulary = vocabulary_of(load_model(location), load_tokenizer(location))
    template = ChatTemplate(load_tokenizer(location), vocabulary)
    assert len(found.examples) == 2, found.summary
    for example, sample in zip(found.examples, preprocess(found.examples, template, vocabulary, 1024), strict=True):
        assert example.logged is not None
        assert sample.prompt == example.logged.prompt_token_ids
        assert (sample.response, sample.behavior_logprobs) == (example.logged.token_ids, example.logged.logprobs)
        assert (sample.episode, sample.turn) == (found.examples[0].episode, example.turn)
