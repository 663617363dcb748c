"""JSON as people write it. What breaks without this: a file that looks right is refused, or half of it is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmagent_os.errors import ConfigError
from llmagent_os.modules import KnowledgeBase


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (["Tea is served at four."], "facts.json"),
        ([{"text": "Tea is served at four."}], "facts.json"),
        ([{"title": "Drinks", "content": "Tea is served at four."}], "Drinks"),
        ([{"question": "When is tea?", "answer": "It is served at four."}], "When is tea?"),
        ({"Drinks": "Tea is served at four."}, "Drinks"),
        ({"Drinks": ["Tea is served at four.", "Coffee is never served."]}, "Drinks"),
        ({"House": {"Drinks": {"text": "Tea is served at four."}}}, "House > Drinks"),
        ({"title": "Drinks", "content": ["Tea is served at four.", "Coffee never."]}, "Drinks"),
        ({"text": "Tea is served at four."}, "facts.json"),
        ([["Tea is served at four."]], "facts.json"),
    ],
)
def test_every_shape_is_read(tmp_path: Path, data: Any, title: str) -> None:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(data))
    kb = KnowledgeBase()
    assert kb.load_knowledge(path) >= 1
    hit = kb.retrieve_knowledge("when is tea served?")[0]
    assert "served at four" in hit.passage.text
    assert hit.passage.title == title


def test_an_item_says_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text('["Rain is wet.", "Tea is at four."]')
    kb = KnowledgeBase()
    kb.load_knowledge(path)
    assert kb.retrieve_knowledge("tea")[0].passage.source == "facts.json (item 2)"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("3", "a number; write a list of texts"),
        ("[null]", "item 1: null is no text"),
        ('{"a": {"b": true}}', "under 'a', under 'b': true or false"),
        ('[{"title": "x", "content": ""}]', "item 1: a fact needs a text"),
        ("[" * 60 + "]" * 60, "nested more than 20 levels"),
    ],
)
def test_what_is_no_knowledge_is_named_with_its_place(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "facts.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=wrong):
        KnowledgeBase().load_knowledge(path)
