"""Turns examples into tokens, with the model's own chat template. Only the tokens of the response are learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llmagent_os.chat import Message, ToolSpec
from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.drawn_words import drawn_words
from llmagent_os.serving.tool_call_parsing import calls_of
from llmagent_os.serving.vocabulary import Vocabulary
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_example import LoggedTokens, TrainingExample


def preprocess(
    examples: Sequence[TrainingExample],
    template: ChatTemplate,
    vocabulary: Vocabulary,
    longest: int,
    *,
    drop: Callable[[TrainingExample, str], None] | None = None,
) -> list[TokenSample]:
    """Turn examples into samples, in order.

    Args:
        examples: chats, each of which ends with the turn to learn.
        template: the model's chat template.
        vocabulary: the model's tokens.
        longest: how many tokens the model can read. Of a longer chat the oldest exchanges are left out, as they are
            when the model answers.
        drop: called with an example that cannot become a sample, and with the reason; None: such an example is an
            error. What people said is dropped, what somebody wrote for this training is an error.

    Raises:
        ConfigError: an example cannot become a sample; the message names the example and says why.
    """
    found: list[TokenSample] = []
    for example in examples:
        try:
            found.append(token_sample(example, template, vocabulary, longest))
        except ConfigError as error:
            if drop is None:
                raise
            drop(example, str(error))
    return found


def token_sample(example: TrainingExample, template: ChatTemplate, vocabulary: Vocabulary, longest: int) -> TokenSample:
    """Turn one example into a sample.

    A response that was served keeps its tokens, as long as they spell what the template writes: most texts can be
    spelled with other tokens, too. How likely each token was is kept where words were drawn after this same prompt. A
    tool call and a reply at temperature 0 were not drawn, so no distribution was sampled from.

    Raises:
        ConfigError: the example is longer than ``longest``, or the template cannot write it; the message says which.
    """
    *before, answer = example.messages
    try:
        response = _response(example, before, answer, template, vocabulary)
        worse = () if example.rejected is None else _response(example, before, example.rejected, template, vocabulary)
        room = longest - max(len(response), len(worse))
        prompt = _prompt(before, example.tools, template, vocabulary, room)
    except ModelError as error:
        raise ConfigError(f"{example.origin}: {error}") from error
    if len(prompt) > room:
        length = len(prompt) + longest - room
        raise ConfigError(f"{example.origin} is {length} tokens long, and the model reads {longest}: shorten it")
    served = example.logged if example.logged and _spells(vocabulary, example.logged, response) else None
    rule = None
    if served is not None and served.prompt_token_ids == prompt:
        rule = drawn_words(served.constraint, served.temperature, served.token_ids, vocabulary)
    return TokenSample(
        prompt=prompt,
        response=response if served is None else served.token_ids,
        reward=example.reward,
        weight=example.weight,
        rejected=worse,
        behavior_logprobs=served.logprobs if served is not None and rule is not None else (),
        drawn=rule,
        episode=example.episode,
        turn=example.turn,
        value=example.value,
    )


def _prompt(
    before: Sequence[Message], tools: Sequence[ToolSpec], template: ChatTemplate, vocabulary: Vocabulary, room: int
) -> tuple[int, ...]:
    """The tokens before the response: at most ``room``, unless the last exchange alone is longer."""
    messages = list(before)
    while True:
        prompt = vocabulary.encode(template.prompt(messages, tools))
        asked = [at for at, message in enumerate(messages) if message["role"] == "user"]
        if len(prompt) <= room or len(asked) < 2:
            return tuple(prompt)
        del messages[asked[0] : asked[1]]


def _response(
    example: TrainingExample,
    before: Sequence[Message],
    answer: Message,
    template: ChatTemplate,
    vocabulary: Vocabulary,
) -> tuple[int, ...]:
    """The tokens of an assistant's turn, with the token that ends it."""
    text = template.response([*before, answer], example.tools)
    if text is None and calls_of(answer):
        raise ConfigError(f"{example.origin}: this model's chat template cannot write the call of its last turn")
    tokens = vocabulary.encode(str(answer.get("content") or "") if text is None else text)
    ends = [place for place, token in enumerate(tokens) if token in vocabulary.end_ids]
    return tuple(tokens[: ends[-1] + 1] if ends else [*tokens, vocabulary.end_id])


def _spells(vocabulary: Vocabulary, served: LoggedTokens, response: Sequence[int]) -> bool:
    """Whether the tokens that were served are tokens of this vocabulary, and spell ``response``."""
    if not served.token_ids or len(served.token_ids) != len(served.logprobs):
        return False
    if max(served.token_ids) >= vocabulary.size or min(served.token_ids) < 0:
        return False
    return _text(vocabulary, served.token_ids) == _text(vocabulary, response)


def _text(vocabulary: Vocabulary, tokens: Sequence[int]) -> str:
    """What tokens spell, without the token that ends a reply: a reply that was cut off has none."""
    return vocabulary.text_of(tokens[:-1] if tokens[-1] in vocabulary.end_ids else tokens)
