"""Cleaning. What breaks without this: a model learns an address by heart, or one sentence a hundred times."""

from __future__ import annotations

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagent_os.identity import PersonId
from llmagent_os.training.example_cleaning import clean_examples
from llmagent_os.training.example_files import examples_of
from llmagent_os.training.training_example import LoggedTokens, TrainingExample

LONG = "Your flight leaves on Friday at noon from gate seven, so be at the airport two hours before, and bring a coat."
SERVED = LoggedTokens(
    prompt_token_ids=(1,), token_ids=(2,), logprobs=(-1.0,), temperature=0.7, model_hash="", lora_version="base"
)


def pair(asked: str, answer: str, **fields: object) -> TrainingExample:
    (made,) = examples_of([{"input": asked, "output": answer}], origin=f"{asked} {fields}")
    return msgspec.structs.replace(made, **fields)


def calling(asked: str, **arguments: object) -> TrainingExample:
    turn = {"role": "assistant", "content": "", "tool_calls": [{"name": "add", "arguments": arguments}]}
    (made,) = examples_of([{"messages": [{"role": "user", "content": asked}, turn]}], origin=asked)
    return made


def test_texts_are_brought_into_one_form() -> None:
    """The same word in two spellings would be two words to the model."""
    (found,) = clean_examples([pair("cafe\u0301\r\nor\x00 tea? ", " Caf\u00e9. ")]).examples
    assert [turn["content"] for turn in found.messages] == ["caf\u00e9\nor tea?", "Caf\u00e9."]


def test_personal_data_is_masked_and_never_learned_as_an_answer() -> None:
    """A model that was trained on an address tells it to everybody."""
    asks = pair("write to ana@example.org, my password is hunter22", "Done.", logged=SERVED)
    tells = pair("who is it?", "It is ana@example.org.")
    worse = pair("who else?", "Nobody.", rejected={"role": "assistant", "content": "Call +49 30 901820."})
    calls = calling("mail her", to="ana@example.org")
    plain = pair("hi", "Hello.", logged=SERVED)
    found = clean_examples([asks, tells, worse, calls, plain])
    assert found.dropped == {"secret or personal data in the answer": 3}
    assert found.masked == 1
    masked, same = found.examples
    assert masked.messages[0]["content"] == "write to [email], my password is [secret]"
    assert (masked.logged, same.logged) == (None, SERVED), "its tokens would spell out what was masked"


def test_what_says_nothing_and_what_is_too_long_is_dropped_and_counted() -> None:
    silent = ({"role": "user", "content": "hi"}, {"role": "assistant", "content": " \x01"})
    empty = TrainingExample(messages=silent, origin="here")
    found = clean_examples([empty, pair("a" * 60, "b" * 41), calling("z" * 60, title="y" * 60)], longest=100)
    assert (found.examples, found.dropped) == ((), {"empty answer": 1, "too long": 2})
    assert found.summary == "0 examples are left; dropped: 1 empty answer, 2 too long"


def test_repetitions_go_and_different_opinions_stay() -> None:
    """One sentence a hundred times outweighs all others; but two people who say the same are two opinions."""
    once = pair("when do I fly?", LONG)
    again = msgspec.structs.replace(once, origin="again")
    nearly = pair("When do I fly??", LONG.replace("a coat", "a  coat"))
    others = [
        pair("when do I fly?", LONG, reward=-1.0),
        pair("when do I fly?", LONG, person=PersonId("web:local:ben")),
        pair("and my bags?", "Two of them, in the hold, and one small bag that you may take with you on board."),
    ]
    found = clean_examples([once, again, nearly, *others])
    assert found.examples == (once, *others)
    assert found.dropped == {"said before": 1, "nearly the same as another": 1}


def test_calls_that_differ_in_one_argument_are_two_lessons() -> None:
    """Most wordings of a calendar differ in a number or a day: they would all be dropped but one."""
    asked = "please put a long lunch with everybody from the second floor into my calendar for friday at "
    given = [calling(f"{asked}{hour}", time=str(hour)) for hour in range(1, 9)]
    assert clean_examples(given).examples == tuple(given)


def test_one_example_with_many_system_messages_is_not_a_repetition_of_itself() -> None:
    """A bot that answers in twelve styles learns an example in each of them."""
    given = examples_of([{"input": "when do I fly?", "output": LONG}], systems=[None, "Be brief.", "Be detailed."])
    assert clean_examples(given).examples == tuple(given)


def test_near_repetitions_are_found_among_many() -> None:
    """Every wrong hit is a lesson lost, every miss one that is learned twice."""
    order = random.Random(7)
    words = [f"word{number}" for number in range(300)]
    texts = [" ".join(order.sample(words, 25)) for _ in range(60)]
    copies = [f"{text}!" for text in texts[:40]]
    examples = [pair(f"{number}", text) for number, text in enumerate([*texts, *copies])]
    examples = [
        msgspec.structs.replace(each, messages=({"role": "user", "content": "tell me"}, each.messages[-1]))
        for each in examples
    ]
    found = clean_examples(examples)
    assert found.examples == tuple(examples[:60])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), max_size=8))
def test_nothing_is_lost_without_being_counted_and_cleaning_again_changes_nothing(texts: list[tuple[str, str]]) -> None:
    """What vanishes without a word cannot be found by whoever wonders why nothing was learned."""
    turns = [({"role": "user", "content": asked}, {"role": "assistant", "content": said}) for asked, said in texts]
    examples = [TrainingExample(messages=each, origin=str(number)) for number, each in enumerate(turns)]
    found = clean_examples(examples)
    assert len(found.examples) + sum(found.dropped.values()) == len(examples)
    assert clean_examples(found.examples).examples == found.examples
