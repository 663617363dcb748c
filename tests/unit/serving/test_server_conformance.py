"""Every form of a reply that servers are known to send: the pure assembler, and the client over a real socket.

What breaks without this: a call that nobody made is run, thoughts are shown, half an answer passes for a whole one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from llmagent_os.chat import ChatRequest
from llmagent_os.errors import ModelError, ModelUnavailableError
from llmagent_os.llm import LLM
from llmagent_os.serving.openai_server import ServerBackend
from llmagent_os.serving.options import ServerOptions
from llmagent_os.serving.reasoning import ReasoningSplitter
from llmagent_os.serving.server_failure import ServerFailureError
from llmagent_os.serving.server_sent_events import EventDecoder, ServerEvent
from llmagent_os.serving.stream_assembler import assemble
from llmagent_os.serving.tool_call_pieces import ToolCallPieces
from tests.tiny_model import CREATE, LIST
from tests.unit.serving.server_shapes import SHAPES, TEXTS, Shape

REQUEST = ChatRequest(messages=[{"role": "user", "content": "lunch on friday"}], tools=(CREATE, LIST))


class Served:
    """A loopback server that sends one body after the other."""

    def __init__(self) -> None:
        self.url = ""
        self.shapes: list[Shape] = []

    async def chat(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        shape = self.shapes.pop(0)
        response = web.StreamResponse(status=shape.status, headers={"Content-Type": shape.content_type})
        await response.prepare(request)
        step = max(1, len(shape.body) // 40)
        for at in range(0, len(shape.body), step):
            await response.write(shape.body[at : at + step])
        return response


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Served]:
    server = Served()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.chat)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield server
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(served: Served) -> AsyncIterator[ServerBackend]:
    backend = ServerBackend("small", ServerOptions(base_url=served.url, retries=0))
    yield backend
    await backend.aclose()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
async def test_every_shape_has_its_meaning(served: Served, backend: ServerBackend, shape: Shape) -> None:
    """A server is chosen for its model, and must not be chosen again for the form of its replies."""
    shown: list[str] = []

    async def draft(text: str) -> None:
        shown.append(text)

    served.shapes = [shape]
    request = ChatRequest(messages=REQUEST.messages, tools=REQUEST.tools, lora=shape.name)  # nothing is known of it yet
    if shape.error is not None:
        with pytest.raises(shape.error) as caught:
            await backend.complete(request, draft)
        assert shape.why.lower() in str(caught.value).lower()
    else:
        reply = await backend.complete(request, draft)
        assert (reply.text.strip(), reply.reasoning) == (shape.text, shape.reasoning)
        assert reply.tool_calls == shape.calls
        assert reply.finish_reason == ("tool_calls" if shape.calls else shape.finish)
    for text in shown:
        assert not any(word in text for word in shape.never_shown), text


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("opened", [False, True], ids=["tags", "only the end tag"])
async def test_thoughts_are_never_in_a_draft(served: Served, backend: ServerBackend, opened: bool) -> None:
    """Also in later replies, when it is known that the template opens the block; then the answer is streamed again."""
    begin = "" if opened else "<think>"
    body = "".join(
        f"data: {json.dumps({'choices': [{'delta': {'content': piece}}]})}\n\n"
        for piece in (*f"{begin}Secret plan.</think>", "Hello", " you", " there")
    )
    shape = Shape("", "", body.encode() + b"data: [DONE]\n\n")
    shown: list[str] = []

    async def draft(text: str) -> None:
        shown.append(text)

    request = ChatRequest(messages=REQUEST.messages, lora=f"thinks {opened}")
    for _ in range(2):
        served.shapes = [shape]
        reply = await backend.complete(request, draft)
        assert (reply.text, reply.reasoning) == ("Hello you there", "Secret plan.")
    assert shown
    assert all("Hello you there".startswith(text) for text in shown), shown


@pytest.mark.asyncio(loop_scope="module")
async def test_thoughts_that_were_cut_off_are_no_answer(served: Served, backend: ServerBackend) -> None:
    """Where the template opens the block, a reply that is cut off in it has no tag at all."""
    request = ChatRequest(messages=REQUEST.messages, lora="cut")
    whole = b'data: {"choices": [{"delta": {"content": "Plan.</think>Hello"}, "finish_reason": "stop"}]}\n\n'
    half = b'data: {"choices": [{"delta": {"content": "Plan"}, "finish_reason": "length"}]}\n\n'
    served.shapes = [Shape("", "", whole), Shape("", "", half)]
    assert (await backend.complete(request, None)).text == "Hello"
    with pytest.raises(ModelError, match="before it wrote a word"):
        await backend.complete(request, None)


def decoded(body: bytes, *cuts: int) -> list[ServerEvent]:
    """The events of ``body``, which comes in pieces that are cut at these places."""
    decoder = EventDecoder()
    found: list[ServerEvent] = []
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    for begin, end in pairwise(places):
        found += decoder.feed(body[begin:end])
    return found + decoder.finish()


@given(st.sampled_from([shape for shape in SHAPES if shape.content_type == "text/event-stream"]), st.data())
def test_where_the_network_cuts_a_stream_does_not_matter(shape: Shape, data: st.DataObject) -> None:
    """TCP cuts in the middle of characters and of line ends."""
    cuts = data.draw(st.lists(st.integers(0, len(shape.body)), max_size=8))

    def outcome(*places: int) -> object:
        try:
            return assemble(decoded(shape.body, *places))
        except ServerFailureError as error:
            return error.kind, error.reason
        except UnicodeDecodeError:
            return UnicodeDecodeError

    assert outcome(*cuts) == outcome()


MARKS = (b'"finish_reason": "', b"[DONE]")  # either of them says that a reply is complete
MARKED = [shape for shape in TEXTS if shape.body.startswith(b"data") and any(mark in shape.body for mark in MARKS)]


@given(st.sampled_from(MARKED), st.integers(0, 10_000))
def test_a_stream_that_is_cut_off_is_never_an_answer(shape: Shape, cut: int) -> None:
    """Wherever it is cut before the server says that it is complete."""
    end = min(shape.body.index(mark) for mark in MARKS if mark in shape.body)
    try:
        events = [event for event in decoded(shape.body[: cut % end]) if event.data.endswith("}")]
    except UnicodeDecodeError:  # cut within a character: `OpenAIServer` takes this as a failure too
        return
    with pytest.raises(ServerFailureError) as caught:
        assemble(events)
    assert caught.value.kind is ModelUnavailableError


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "content reasoning refusal tool_calls function_call function name arguments index id type text thinking".split()
)
odd = st.recursive(
    json_values,
    lambda inner: st.dictionaries(st.sampled_from(FIELDS), inner | st.lists(inner, max_size=3)),
    max_leaves=12,
)


@given(st.lists(odd, max_size=4))
def test_no_json_breaks_the_assembler(chunks: list[Any]) -> None:
    """Whatever a server sends, the failure is one of ours: anything else would end the conversation."""
    documents = [{"choices": [{"delta": chunk, "finish_reason": chunk}]} for chunk in chunks]
    for found in (chunks, documents):
        try:
            assemble([ServerEvent(json.dumps(chunk)) for chunk in found])
        except ServerFailureError as error:
            assert issubclass(error.kind, ModelError)


@given(
    st.lists(
        st.tuples(st.sampled_from(["create", "list", "now"]), st.dictionaries(st.text(max_size=5), st.integers())),
        min_size=1,
        max_size=5,
    ),
    st.data(),
)
def test_calls_survive_any_way_of_sending_them(calls: list[tuple[str, dict[str, int]]], data: st.DataObject) -> None:
    """With index and id, with one of them, or without both; the arguments in pieces, and the name in each or once."""
    has_index, has_id, repeats = data.draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    pieces = ToolCallPieces()
    for number, (name, arguments) in enumerate(calls):
        text = json.dumps(arguments)
        cut = data.draw(st.integers(1, len(text) - 1))
        for at, part in enumerate((text[:cut], text[cut:])):
            fields: dict[str, Any] = {"function": {"arguments": part}}
            if has_index:
                fields["index"] = number
            if has_id:
                fields["id"] = f"id{number}"
            if repeats or at == 0:
                fields["function"]["name"] = name
            pieces.add(fields)
    assert [(name, json.loads(text)) for name, text in pieces.calls] == calls


@given(st.text("abc <>/[]think\n", max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_thoughts_do_not_depend_on_the_pieces(text: str, cuts: list[int]) -> None:
    """Servers cut a text at tokens, and a tag is several."""
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    once, pieces = ReasoningSplitter(), ReasoningSplitter()
    once.feed(text)
    for begin, end in pairwise(places):
        pieces.feed(text[begin:end])
    once.finish()
    pieces.finish()
    assert (once.answer, once.reasoning) == (pieces.answer, pieces.reasoning)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_reply_through_the_whole_class(served: Served) -> None:
    """``LLM`` repairs a broken call over the same server."""
    broken = Shape(
        "", "", b'data: {"choices": [{"delta": {"tool_calls": [{"function": {"name": "fly"}}]}}]}\n\ndata: [DONE]\n\n'
    )
    served.shapes = [broken, TEXTS[0]]
    async with LLM.from_pretrained("openai:small", base_url=served.url, retries=0) as llm:
        reply = await llm.complete(REQUEST)
    assert (reply.text, len(reply.rejected)) == ("Hello", 1)
