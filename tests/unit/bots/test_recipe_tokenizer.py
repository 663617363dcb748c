"""The calendar model copies words token by token: that works only where a word is the same tokens everywhere."""

from __future__ import annotations

import itertools
import random
import re
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from llmagent_os.bots.calendar.recipe.batches import corpus
from llmagent_os.bots.calendar.recipe.chatml import NO_TOOLS, TOOLS, Dialogue, DialogueTurn, read_call, tools_text
from llmagent_os.bots.calendar.recipe.dialogues import Writer, load_writer
from llmagent_os.bots.calendar.recipe.tokenizer import END_OF_TURN, MARKERS, SPECIAL, as_pretrained, train_tokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZéüñßçøž"
WORD = st.one_of(st.text(LETTERS + "0123456789'-", min_size=1, max_size=10), st.sampled_from(["meeting", "Ana", "3pm"]))
BETWEEN = st.sampled_from([" ", ", ", " (", ") ", ' "', '" ', "\n", " - ", "/", ": ", "“", "...", "  "])


@cache
def writer() -> Writer:
    return load_writer()


@cache
def tokenizer() -> Tokenizer:
    return train_tokenizer(corpus(writer(), 0, 1500), vocab_size=1500)


def ids(text: str) -> list[int]:
    return tokenizer().encode(text, add_special_tokens=False).ids


def tokens() -> dict[int, bytes]:
    """The bytes of every token, but for the special ones."""
    usual = tokenizer().decoder.decode  # GPT-2's table of characters for bytes, through the decoder
    named = {number: name for name, number in tokenizer().get_vocab().items() if name not in SPECIAL + MARKERS}
    return {number: usual([name]).encode() for number, name in named.items()}


def test_no_token_joins_letters_with_anything_else() -> None:
    """' Ana' as one token and 'Ana' as another would be two words to the model; it could not copy one as the other."""
    mixed = [
        text
        for text in (token.decode(errors="replace") for token in tokens().values())
        if re.search(r"[^\W\d_]", text) and not re.fullmatch(r"[^\W\d_]+", text.replace("�", ""))
    ]
    assert not mixed


def test_digits_are_single() -> None:
    """Times and dates are copied digit by digit; '2026' as one token says nothing of '2027'."""
    assert not [token for token in tokens().values() if re.search(rb"\d", token) and len(token) > 1]
    assert len(ids("15:30")) == 5


def spans() -> st.SearchStrategy[tuple[str, str, str]]:
    """A text in three parts, of which the second begins and ends with a letter or a digit, at words' edges."""
    words = st.lists(st.tuples(WORD, BETWEEN), min_size=1, max_size=4).map(lambda w: "".join(map("".join, w)))
    span = words.map(lambda text: text.strip("'-\n “”\"().,:/")).filter(lambda text: bool(text))
    return st.tuples(words, span, st.tuples(BETWEEN, words).map("".join))


@settings(max_examples=80, deadline=None)
@given(spans())
def test_a_spans_tokens_are_a_slice_of_the_messages(parts: tuple[str, str, str]) -> None:
    """The engine offers slices of the message's tokens as arguments: this is what makes them all that can be said."""
    before, span, after = parts
    whole, own = ids(before + span + after), ids(span)
    assert any(whole[at : at + len(own)] == own for at in range(len(whole)))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60).filter(lambda text: not any(token in text for token in SPECIAL + MARKERS)))
def test_every_text_comes_back_as_it_was(text: str) -> None:
    """People write in any alphabet, and titles must be stored as they were written."""
    assert tokenizer().decode(ids(text), skip_special_tokens=False) == text


def test_markup_is_single_tokens_with_the_ids_the_model_expects() -> None:
    """The model's configuration names them by number: the end of a turn, and padding."""
    assert [ids(token) for token in SPECIAL + MARKERS] == [[number] for number in range(len(SPECIAL + MARKERS))]
    fast = as_pretrained(tokenizer())
    assert (fast.eos_token_id, fast.pad_token_id) == (ids(END_OF_TURN)[0], 0)


def message(turn: DialogueTurn) -> dict[str, Any]:
    """A turn as the agent hands it to the template."""
    if not turn.text.startswith("<tool_call>"):
        return {"role": turn.role, "content": turn.text}
    return {"role": turn.role, "content": "", "tool_calls": [{"type": "function", "function": read_call(turn.text)}]}


def templated(dialogue: Dialogue, tools: list[dict[str, Any]] | None) -> str:
    messages = [{"role": "system", "content": dialogue.system}, *map(message, dialogue.turns)]
    text: str = as_pretrained(tokenizer()).apply_chat_template(messages, tools=tools, tokenize=False)
    return text


def test_a_dialogue_reads_as_the_chat_template_writes_it() -> None:
    """The model is asked through the template: one other character, and it sees what it was never shown."""
    rng = random.Random(0)
    opening = next(
        text for text in iter(lambda: tools_text(rng), "") if re.findall(r'"name": "(\w+)', text) == [*TOOLS]
    )
    tools: list[dict[str, Any]] = [
        {"type": "function", "function": {"name": name, "parameters": {"properties": dict.fromkeys(keys)}}}
        for name, keys in TOOLS.items()
    ]
    write = writer()
    for _ in range(25):
        for dialogue in (write.single(rng), write.conversation(rng), write.informed(rng)):
            assert templated(dialogue, tools) == opening + "".join(text for text, _ in dialogue.segments())
        bare = write.untooled(rng)
        assert templated(bare, None) == NO_TOOLS + "".join(text for text, _ in bare.segments())


def test_the_pieces_of_a_dialogue_are_the_tokens_of_the_whole() -> None:
    """Training tokenizes piece by piece, to know what is learned; serving tokenizes the whole prompt."""
    rng = random.Random(1)
    for dialogue in itertools.islice(iter(lambda: writer().conversation(rng), None), 60):
        pieces = [text for text, _ in dialogue.segments()]
        assert [number for piece in pieces for number in ids(piece)] == ids("".join(pieces))


def test_it_is_the_same_every_time() -> None:
    """A run's lost tokenizer can be made again, and its checkpoint still means the same."""
    again = train_tokenizer(corpus(writer(), 0, 1500), vocab_size=1500)
    assert again.to_str() == tokenizer().to_str()


@pytest.mark.parametrize("said", ["lunch with Ana", "Ana's party", "3:30pm", "room #5", "café Déjà-vu", "o'clock"])
def test_an_argument_inside_json_is_the_tokens_that_were_said(said: str) -> None:
    """The call holds the argument in quotes: there, too, it must be the same tokens."""
    whole = ids(f'{{"title": "{said}"}}')
    assert any(whole[at : at + len(ids(said))] == ids(said) for at in range(len(whole)))
