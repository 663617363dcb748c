"""Examples as tokens. What breaks without this: a model learns other tokens than it reads and writes when it serves."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from llmagent_os.chat import Completion, Message
from llmagent_os.errors import ConfigError
from llmagent_os.llm import LLM
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import locate
from llmagent_os.serving.vocabulary import Vocabulary
from llmagent_os.training.preprocessing import preprocess, token_sample
from llmagent_os.training.training_example import LoggedTokens, TrainingExample
from tests.tiny_model import CREATE, LIST, save_model

ASKED: list[Message] = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": "lunch with Ana on friday"},
]
CALL: Message = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"name": "create_event", "arguments": {"title": "lunch with Ana", "date": "friday"}}],
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base") / "base")


@pytest.fixture(scope="module")
def vocabulary(base: Path) -> Vocabulary:
    location = locate(str(base))
    return vocabulary_of(load_model(location), load_tokenizer(location))


@pytest.fixture(scope="module")
def template(base: Path, vocabulary: Vocabulary) -> ChatTemplate:
    return ChatTemplate(load_tokenizer(locate(str(base))), vocabulary)


def example(*messages: Message, rejected: Message | None = None, logged: LoggedTokens | None = None) -> TrainingExample:
    return TrainingExample(
        messages=messages,
        tools=(CREATE, LIST),
        origin="here",
        rejected=rejected,
        logged=logged,
        reward=-0.5,
        weight=0.25,
    )


def test_a_sample_is_what_the_model_reads_and_then_writes(template: ChatTemplate, vocabulary: Vocabulary) -> None:
    """A prompt that differs from the served one by a line break teaches nothing that the served model uses."""
    words = {"role": "assistant", "content": "Done."}
    (sample,) = preprocess([example(*ASKED, CALL, rejected=words)], template, vocabulary, 1024)
    assert vocabulary.text_of(sample.prompt) == template.prompt(ASKED, [CREATE, LIST])
    end = vocabulary.text_of([vocabulary.end_id])
    call = '{"name": "create_event", "arguments": {"title": "lunch with Ana", "date": "friday"}}'
    assert vocabulary.text_of(sample.response) == f"<tool_call>\n{call}\n</tool_call>{end}"
    assert vocabulary.text_of(sample.rejected) == "Done." + end
    assert (sample.reward, sample.weight, sample.behavior_logprobs) == (-0.5, 0.25, ())


def served(base: Path, temperature: float) -> Completion:
    with LLM.from_pretrained(str(base)) as llm:
        return llm.generate(ASKED, tools=[CREATE, LIST], max_tokens=12, temperature=temperature, seed=3)


def logged(completion: Completion) -> LoggedTokens:
    return LoggedTokens(
        prompt_token_ids=completion.prompt_token_ids,
        token_ids=completion.token_ids,
        logprobs=completion.logprobs,
        temperature=completion.temperature,
        constraint=completion.constraint,
        model_hash=completion.model_hash,
        lora_version=completion.lora_version,
    )


def test_what_was_served_keeps_its_tokens_and_how_likely_they_were(
    base: Path, template: ChatTemplate, vocabulary: Vocabulary
) -> None:
    """Policy gradients would weigh other tokens than those that were drawn. A random model spells in odd ways."""
    drawn = served(base, 1.0)
    assert drawn.token_ids != tuple(vocabulary.encode(drawn.text)), "or this test finds nothing"
    answer = {"role": "assistant", "content": drawn.text}
    sample = token_sample(example(*ASKED, answer, logged=logged(drawn)), template, vocabulary, 1024)
    assert (sample.prompt, sample.response) == (drawn.prompt_token_ids, drawn.token_ids)
    assert sample.behavior_logprobs == drawn.logprobs
    certain = served(base, 0.0)
    answer = {"role": "assistant", "content": certain.text}
    sample = token_sample(example(*ASKED, answer, logged=logged(certain)), template, vocabulary, 1024)
    assert (sample.response, sample.behavior_logprobs) == (certain.token_ids, ())


def test_tokens_that_are_not_these_words_are_not_used(
    base: Path, template: ChatTemplate, vocabulary: Vocabulary
) -> None:
    """Tokens of another model, or of words that were masked or corrected since, would teach nonsense."""
    drawn = logged(served(base, 1.0))
    other = {"role": "assistant", "content": "Something else."}
    expected = token_sample(example(*ASKED, other), template, vocabulary, 1024)
    foreign = msgspec.structs.replace(drawn, token_ids=(vocabulary.size + 7,), logprobs=(-1.0,))
    for each in (drawn, foreign):
        assert token_sample(example(*ASKED, other, logged=each), template, vocabulary, 1024) == expected


def test_a_long_chat_loses_its_oldest_exchanges_as_it_does_when_it_is_served(
    template: ChatTemplate, vocabulary: Vocabulary
) -> None:
    """A long conversation could not be learned from at all."""
    talk: list[Message] = [
        turn
        for number in range(9)
        for turn in ({"role": "user", "content": f"what about {number}"}, {"role": "assistant", "content": "nothing"})
    ]
    whole = token_sample(example(ASKED[0], *talk), template, vocabulary, 1024)
    short = token_sample(example(ASKED[0], *talk), template, vocabulary, whole.length - 1)
    assert vocabulary.text_of(short.prompt) == template.prompt([ASKED[0], *talk[2:-1]], [CREATE, LIST])
    assert short.response == whole.response


def test_an_example_that_does_not_fit_is_named_or_dropped(template: ChatTemplate, vocabulary: Vocabulary) -> None:
    """One monologue in the ledger must not end a job; one in a file must not vanish without a word."""
    dropped: list[TrainingExample] = []

    def drop(example: TrainingExample, why: str) -> None:
        assert "the model reads 1024" in why
        dropped.append(example)

    good, long = example(*ASKED, CALL), example({"role": "user", "content": "word " * 2000}, CALL)
    with pytest.raises(ConfigError, match=r"here is \d{4} tokens long, and the model reads 1024"):
        preprocess([good, long], template, vocabulary, 1024)
    samples = preprocess([long, good], template, vocabulary, 1024, drop=drop)
    assert samples == preprocess([good], template, vocabulary, 1024)
    assert dropped == [long]
