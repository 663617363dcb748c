"""LoRAs on vLLM servers: loaded once, found again after a restart, dropped when they are not served any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from llmagent_os.chat import ChatRequest
from llmagent_os.errors import LoraError, ModelBusyError, ModelSetupError, ModelUnavailableError
from llmagent_os.llm import LLM
from llmagent_os.serving import lora_management, server_loras, vllm_server, vllm_watch
from llmagent_os.serving.lora_artifact import read_artifact
from llmagent_os.serving.openai_server import ServerBackend
from tests.unit.serving.vllm_server import VllmTwin, error, until, write_lora

HELLO = [{"role": "user", "content": "hello"}]
MakeLLM = Callable[..., LLM]


@pytest.fixture
async def twin() -> AsyncIterator[VllmTwin]:
    server = VllmTwin()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def make(twin: VllmTwin) -> AsyncIterator[MakeLLM]:
    made: list[LLM] = []

    def new(**options: Any) -> LLM:
        given: dict[str, Any] = {
            "base_url": twin.url,
            "kind": "vllm",
            "lora_mark": "m1",
            "api_key": "none",
            "timeout": 30.0,
        } | options
        made.append(LLM.from_pretrained("openai:base", **given))
        return made[-1]

    yield new
    for each in made:
        await each.aclose()


@pytest.fixture
def loras(tmp_path: Path) -> list[Path]:
    return [write_lora(tmp_path / f"v{n}", seed=n) for n in range(6)]


def asking(folder: Path, **more: Any) -> ChatRequest:
    return ChatRequest(messages=HELLO, lora=str(folder), **more)


def name(folder: Path) -> str:
    return f"m1.{read_artifact(folder).version}"


async def look(llm: LLM) -> None:
    """Do once what ``LLM.watch`` does again and again."""
    backend = llm._backend  # pyright: ignore[reportPrivateUsage]
    assert isinstance(backend, ServerBackend)
    await backend.vllm.look()


async def test_a_lora_is_loaded_when_it_is_needed(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """A folder is all that a reply names, as with the engine; the server needs a name and a path."""
    llm = make()
    reply = await llm.complete(asking(loras[0]))
    assert reply.text == f"by {name(loras[0])} on {twin.port}"
    assert (reply.lora_version, reply.model) == (read_artifact(loras[0]).version, "base")
    await llm.complete(asking(loras[0]))
    assert twin.calls[f"load {name(loras[0])}"] == 1
    plain = await llm.complete(ChatRequest(messages=HELLO, lora="base"))
    assert plain.lora_version == "base"


async def test_other_weights_have_another_name(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """vLLM keys its prefix cache by the name: the same name with new weights would read what the old ones wrote."""
    llm = make()
    first = (await llm.complete(asking(loras[0]))).text
    write_lora(loras[0], seed=77, rank=8)
    assert (await llm.complete(asking(loras[0]))).text != first
    assert len(twin.loaded) == 2


async def test_many_at_once_load_a_lora_once(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """After a restart, everybody asks for the shared version in the same moment."""
    release, waiting = asyncio.Event(), asyncio.Event()

    async def slowly(request: web.Request) -> web.StreamResponse:
        waiting.set()
        await release.wait()
        twin.loaded[name(loras[0])] = str(loras[0])
        return web.Response(text="Success")

    twin.load_faults = [slowly]
    llm = make()
    first = asyncio.create_task(llm.complete(asking(loras[0])))
    await waiting.wait()
    others = [asyncio.create_task(llm.complete(asking(loras[0]))) for _ in range(7)]
    first.cancel()  # the one who began it gives up: the others still get their replies
    release.set()
    assert {reply.lora_version for reply in await asyncio.gather(*others)} == {read_artifact(loras[0]).version}
    assert twin.calls[f"load {name(loras[0])}"] == 1


async def test_a_server_that_was_restarted_is_given_the_lora_again(
    twin: VllmTwin, make: MakeLLM, loras: list[Path]
) -> None:
    """A restart forgets every LoRA. The next person must not be answered by the base model, or not at all."""
    llm = make()
    await llm.complete(asking(loras[0]))
    await twin.stop()
    await twin.start()
    reply = await llm.complete(asking(loras[0]))
    assert reply.lora_version == read_artifact(loras[0]).version
    assert twin.calls[f"load {name(loras[0])}"] == 2


async def test_a_server_that_is_restarted_just_now_is_waited_for(
    twin: VllmTwin, make: MakeLLM, loras: list[Path]
) -> None:
    """The reply is late, and it is the right one."""
    llm = make(retries=6)
    await twin.stop()
    asked = asyncio.create_task(llm.complete(asking(loras[0])))
    with capture_logs() as logs:
        await until(lambda: any(entry["event"] == "a LoRA is loaded again" for entry in logs))
    await twin.start()
    assert (await asked).lora_version == read_artifact(loras[0]).version


async def test_an_older_server_says_400_for_what_it_has_forgotten(
    twin: VllmTwin, make: MakeLLM, loras: list[Path]
) -> None:
    """Servers differ in how they say it; nobody should lose a reply over that."""
    llm = make()
    await llm.complete(asking(loras[0]))
    twin.loaded.clear()

    async def unknown(request: web.Request) -> web.StreamResponse:
        return error(400, f"LoRA adapter {name(loras[0])} does not exist", "BadRequestError")

    twin.chat_faults = [unknown]
    assert (await llm.complete(asking(loras[0]))).lora_version == read_artifact(loras[0]).version


async def test_a_lora_that_is_there_already_is_used(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """Another host of the installation has loaded it."""
    twin.loaded[name(loras[0])] = str(loras[0])
    assert (await make().complete(asking(loras[0]))).lora_version == read_artifact(loras[0]).version


async def test_the_lora_used_least_makes_room(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """A server reads a LoRA anew for every request if it has more of them than fit into its memory."""
    llm = make(lora_slots=3)
    await llm.keep_loras([loras[0]], loras[1:])
    for at in (0, 1, 2, 1, 3):  # the pinned one was used first, and stays
        await llm.complete(asking(loras[at]))
    assert set(twin.loaded) == {name(loras[0]), name(loras[1]), name(loras[3])}
    assert twin.most_at_once == 3


async def test_pinned_loras_never_take_every_slot(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """Groups and canaries may be many: a person's own version still finds room."""
    llm = make(lora_slots=2)
    await llm.keep_loras(loras[:5], [loras[5]])
    for folder in loras:
        await llm.complete(asking(folder))
    assert name(loras[0]) in twin.loaded
    assert len(twin.loaded) == 2


async def test_who_finds_every_slot_in_use_waits(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """A LoRA is not taken away from a reply that is being written."""
    twin.holding = asyncio.Event()
    llm = make(lora_slots=1)
    first = asyncio.create_task(llm.complete(asking(loras[0])))
    await twin.begun.wait()
    with capture_logs() as logs:
        second = asyncio.create_task(llm.complete(asking(loras[1])))
        await until(lambda: any("slot" in entry["event"] for entry in logs))
    assert set(twin.loaded) == {name(loras[0])}
    twin.holding.set()
    replies = [await first, await second]
    assert [reply.lora_version for reply in replies] == [read_artifact(each).version for each in loras[:2]]
    assert set(twin.loaded) == {name(loras[1])}


def waiting(logs: list[Any]) -> int:
    return sum("every slot" in entry["event"] for entry in logs)


def waits(logs: list[Any], number: int) -> Callable[[], bool]:
    return lambda: waiting(logs) == number


async def test_who_waits_for_a_slot_comes_before_those_who_came_later(
    twin: VllmTwin, make: MakeLLM, loras: list[Path]
) -> None:
    """People who talk with one version all day would keep everybody else's out."""
    twin.holding = asyncio.Event()
    llm = make(lora_slots=1)
    tasks = [asyncio.create_task(llm.complete(asking(loras[0])))]
    await twin.begun.wait()
    with capture_logs() as logs:
        for number, folder in enumerate((loras[1], loras[0], loras[1]), 1):
            tasks.append(asyncio.create_task(llm.complete(asking(folder))))
            await until(waits(logs, number))
    given_up = tasks.pop(1)  # the next one moves up
    given_up.cancel()
    twin.holding.set()
    await asyncio.gather(*tasks)
    assert [each["model"] for each in twin.asked] == [name(loras[at]) for at in (0, 0, 1)]


async def test_the_one_who_waits_longest_is_next(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """A reply with a pinned version waits for nobody: its slot does not fall free for others."""
    twin.holding = asyncio.Event()
    llm = make(lora_slots=2)
    await llm.keep_loras([loras[5]], loras[:5])
    await look(llm)
    tasks = [asyncio.create_task(llm.complete(asking(loras[0])))]
    await twin.begun.wait()
    with capture_logs() as logs:
        for number, folder in enumerate((loras[1], loras[0]), 1):
            tasks.append(asyncio.create_task(llm.complete(asking(folder))))
            await until(waits(logs, number))
        tasks.append(asyncio.create_task(llm.complete(asking(loras[5]))))
        await until(lambda: len(twin.asked) == 2)
    twin.holding.set()
    await asyncio.gather(*tasks)
    assert [each["model"] for each in twin.asked] == [name(loras[at]) for at in (0, 5, 1, 0)]


async def test_a_slot_whose_first_user_has_gone_makes_room(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """The person gave up while the LoRA was loaded, and nobody else writes: the next one must not wait for ever."""
    loading, release = asyncio.Event(), asyncio.Event()

    async def slowly(request: web.Request) -> web.StreamResponse:
        loading.set()
        await release.wait()
        return web.Response(text="Success")

    twin.load_faults = [slowly]
    llm = make(lora_slots=1)
    first = asyncio.create_task(llm.complete(asking(loras[0])))
    await loading.wait()
    with capture_logs() as logs:
        second = asyncio.create_task(llm.complete(asking(loras[1])))
        await until(lambda: waiting(logs) == 1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    release.set()
    assert (await second).lora_version == read_artifact(loras[1]).version


async def test_more_pinned_loras_than_slots_are_not_loaded_in_turn(
    twin: VllmTwin, make: MakeLLM, loras: list[Path]
) -> None:
    """Each look would drop what the last one has loaded, and people would wait for the server."""
    llm = make(lora_slots=3)
    await llm.keep_loras(loras, [])
    for _ in range(3):
        await look(llm)
    assert [*twin.loaded] == [name(loras[0]), name(loras[1])]
    assert sum(count for call, count in twin.calls.items() if "load" in call) == 2


async def test_a_pinned_lora_that_is_refused_stops_no_other(twin: VllmTwin, make: MakeLLM, tmp_path: Path) -> None:
    """The owner hears of it, and the others are loaded ahead."""
    twin.max_rank = 4
    folders = [write_lora(tmp_path / f"p{rank}", rank=rank) for rank in (3, 8, 4)]
    llm = make()
    await llm.keep_loras(folders, [])
    with pytest.raises(LoraError, match="up to rank 4, and this one has 8"):
        await look(llm)
    assert [*twin.loaded] == [name(folders[0]), name(folders[2])]


async def test_a_look_waits_for_no_reply(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """A server that is away meanwhile would not be noticed."""
    twin.holding = asyncio.Event()
    llm = make(lora_slots=2)
    tasks = [asyncio.create_task(llm.complete(asking(folder))) for folder in loras[:2]]
    await until(lambda: len(twin.asked) == 2)
    await llm.keep_loras([loras[2]], loras[:2])
    await look(llm)
    assert name(loras[2]) not in twin.loaded
    twin.holding.set()
    await asyncio.gather(*tasks)
    await look(llm)
    assert name(loras[2]) in twin.loaded


@pytest.mark.parametrize("pinned", [False, True])
async def test_a_lora_that_was_replaced_on_disk_stays_loaded(
    twin: VllmTwin, make: MakeLLM, loras: list[Path], pinned: bool
) -> None:
    """It would be unloaded at every look, and loaded again for every reply."""
    llm = make()
    await llm.keep_loras(loras[:1] if pinned else [], [] if pinned else loras[:1])
    await llm.complete(asking(loras[0]))
    old = name(loras[0])
    write_lora(loras[0], seed=77)
    for _ in range(3):
        if not pinned:
            await llm.complete(asking(loras[0]))
        await look(llm)
    await look(llm)
    assert [*twin.loaded] == [name(loras[0])]
    assert (twin.calls[f"load {name(loras[0])}"], twin.calls[f"unload {old}"]) == (1, 1)


async def test_what_is_not_served_any_more_is_unloaded(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """A version that was rolled back, or of a person who was erased, must not stay on a server."""
    llm = make()
    for folder in loras[:3]:
        await llm.complete(asking(folder))
    await llm.keep_loras([loras[0]], [loras[2]])
    assert set(twin.loaded) == {name(loras[0]), name(loras[2])}


async def test_what_an_earlier_process_left_is_unloaded(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """A person was erased while the host was down. The LoRAs of other installations are not ours to drop."""
    twin.loaded = {name(loras[0]): "", name(loras[1]): "", "m2.x@1": "", "by-hand": ""}
    llm = make()
    await llm.keep_loras([loras[0]], [])
    await look(llm)
    assert set(twin.loaded) == {name(loras[0]), "m2.x@1", "by-hand"}


async def test_what_could_not_be_unloaded_is_unloaded_later(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """The network was away for a moment."""
    llm = make()
    await llm.complete(asking(loras[0]))
    kept = dict(twin.loaded)
    await twin.stop()
    await llm.keep_loras([], [])
    await twin.start()
    twin.loaded.update(kept)
    await look(llm)
    assert not twin.loaded


async def test_shared_versions_are_loaded_ahead(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """Nobody should wait for the version that answers everybody, also after a restart of the server."""
    llm = make()
    await llm.keep_loras(loras[:2], [loras[2]])
    await look(llm)
    assert set(twin.loaded) == {name(loras[0]), name(loras[1])}
    await twin.stop()
    await twin.start()
    await look(llm)
    assert set(twin.loaded) == {name(loras[0]), name(loras[1])}


async def test_the_servers_own_path_is_sent(twin: VllmTwin, make: MakeLLM, tmp_path: Path) -> None:
    """In a container the folder of LoRAs is mounted elsewhere."""
    folder = write_lora(tmp_path / "loras" / "v1")
    twin.root = str(tmp_path / "loras")
    llm = make(loras_here=str(tmp_path / "loras"), loras_there="/models/loras/")
    await llm.complete(asking(folder))
    assert twin.loaded[name(folder)] == "/models/loras/v1"


async def test_a_path_that_the_server_cannot_read_is_named(
    twin: VllmTwin, make: MakeLLM, loras: list[Path], tmp_path: Path
) -> None:
    """The owner has to know which folder the server lacks, and where to say so."""
    llm = make(loras_here=str(tmp_path), loras_there="/nowhere")
    with pytest.raises(LoraError, match=r"finds no LoRA in /nowhere/v0: .*LLMAGENT_OS_LORA_ROOT"):
        await llm.complete(asking(loras[0]))
    level_above = await llm.complete(asking(loras[0], lora_above=("base",)))
    assert level_above.lora_version == "base"
    assert twin.calls[f"load {name(loras[0])}"] == 1, "every message would wait for a refusal"


async def test_a_refused_lora_is_offered_again_later(
    twin: VllmTwin, make: MakeLLM, loras: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner mends the mount; nobody should have to restart the bot."""
    monkeypatch.setattr(server_loras, "REFUSED_SECONDS", 0.0)
    twin.max_rank = 2
    llm = make()
    with pytest.raises(
        LoraError, match="takes LoRAs up to rank 2, and this one has 4: start it with --max-lora-rank 4"
    ):
        await llm.complete(asking(loras[0]))
    twin.max_rank = 16
    assert (await llm.complete(asking(loras[0]))).lora_version != "base"


async def test_a_server_without_runtime_loading_says_how_to_start_it(make: MakeLLM, loras: list[Path]) -> None:
    """vLLM answers 404 to whatever it was not started for."""
    closed = VllmTwin()
    closed.runtime_loading = False
    await closed.start()
    try:
        with pytest.raises(LoraError, match=r"--enable-lora, and with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"):
            await make(base_url=closed.url).complete(asking(loras[0]))
    finally:
        await closed.stop()


@pytest.mark.parametrize(
    ("status", "body", "raised", "why"),
    [
        (
            500,
            {"error": {"message": "worker died", "code": 500}},
            LoraError,
            "does not load the LoRA in .* worker died",
        ),
        (
            500,
            {"error": {"message": "LoRA is not enabled. Use --enable-lora to enable LoRA."}},
            LoraError,
            "start it with",
        ),
        (500, {"error": {"message": "expected target modules in {'x'}"}}, LoraError, "has another base model"),
        (401, {"error": "Unauthorized"}, ModelSetupError, "LLMAGENT_OS_API_KEY"),
        (503, {"error": {"message": "starting"}}, ModelBusyError, "cannot load a LoRA now"),
        (200, None, None, ""),
    ],
)
async def test_every_answer_to_loading_is_understood(
    twin: VllmTwin,
    make: MakeLLM,
    loras: list[Path],
    status: int,
    body: dict[str, Any] | None,
    raised: type[Exception] | None,
    why: str,
) -> None:
    """A wrong setting, a server that is busy and a LoRA that is wrong need different things."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if body is None:  # garbage with 200: the LoRA is there all the same
            twin.loaded[name(loras[0])] = ""
            return web.Response(text="{]", status=status)
        return web.json_response(body, status=status)

    twin.load_faults = [answer]
    llm = make(retries=0)
    if raised is None:
        await llm.complete(asking(loras[0]))
        return
    with pytest.raises(raised, match=why) as caught:
        await llm.complete(asking(loras[0]))
    assert type(caught.value) is raised


async def test_a_busy_server_is_asked_to_load_again(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """A proxy says 503 while the server behind it starts."""

    async def busy(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    twin.load_faults = [busy]
    assert (await make().complete(asking(loras[0]))).lora_version != "base"


async def test_a_load_that_never_ends_is_given_up(
    twin: VllmTwin, make: MakeLLM, loras: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network's disk can hang. The person is told so, and the next try is a new one."""
    monkeypatch.setattr(lora_management, "LOAD_SECONDS", 0.2)
    never = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    twin.load_faults = [hang]
    llm = make(retries=0)
    with pytest.raises(ModelBusyError, match=r"gave no answer within 0.2 s"):
        await llm.complete(asking(loras[0]))
    never.set()
    assert (await llm.complete(asking(loras[0]))).lora_version != "base"


async def test_a_redirect_takes_neither_key_nor_path_elsewhere(
    twin: VllmTwin, make: MakeLLM, loras: list[Path]
) -> None:
    """Whoever can answer for the server's address must not learn the key, nor what people say."""
    stranger = VllmTwin()
    await stranger.start()

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(f"{stranger.url}{request.path.removeprefix('/v1')}")

    try:
        twin.load_faults, twin.chat_faults = [elsewhere], [elsewhere]
        llm = make(api_key="secret")
        with pytest.raises(ModelSetupError, match="sends elsewhere"):
            await llm.complete(asking(loras[0]))
        with pytest.raises(ModelSetupError, match="sends elsewhere"):
            await llm.complete(ChatRequest(messages=HELLO))
        assert not stranger.calls
    finally:
        await stranger.stop()


async def test_the_key_is_sent_to_every_endpoint(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """vLLM's ``--api-key`` guards all of ``/v1``."""
    twin.key = "secret"
    llm = make(api_key="secret")
    await llm.keep_loras([loras[0]], [])
    await look(llm)
    await llm.complete(asking(loras[0]))
    with pytest.raises(ModelSetupError, match="refuses the key"):
        await make(api_key="wrong").complete(asking(loras[1]))


async def test_a_server_that_is_not_vllm_is_sent_nothing_of_vllms(
    twin: VllmTwin, make: MakeLLM, loras: list[Path]
) -> None:
    """Other servers refuse fields that they do not know, and load nothing."""
    twin.owned_by = "llamacpp"
    llm = make(kind="auto", base="calendar")
    await llm.complete(ChatRequest(messages=HELLO, cache_salt="salt"))
    assert not {"cache_salt", "return_token_ids", "logprobs", "top_k"} & set(twin.asked[-1])
    with pytest.raises(LoraError, match="is not vLLM"):
        await llm.complete(asking(loras[0]))
    assert set(twin.calls) == {"chat", "models"}


async def test_one_failed_list_costs_nobody_their_salt(twin: VllmTwin, make: MakeLLM) -> None:
    """Without a salt, one person could find out by its speed what another one has asked."""

    async def busy(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    twin.list_faults = [busy]
    llm = make(kind="auto")
    await llm.complete(ChatRequest(messages=HELLO))
    assert (twin.calls["models"], twin.list_faults) == (1, [])
    await llm.complete(ChatRequest(messages=HELLO))
    assert twin.calls["models"] == 1, "without a salt there is time"
    await llm.complete(ChatRequest(messages=HELLO, cache_salt="bob"))
    assert twin.asked[-1]["cache_salt"] == "bob"


async def test_vllm_is_recognised_by_its_list(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """Nobody has to say which server it is."""
    llm = make(kind="auto")
    await llm.complete(asking(loras[0], cache_salt="salt"))
    assert twin.asked[-1]["cache_salt"] == "salt"


async def test_a_server_that_was_away_is_recognised_later(
    twin: VllmTwin, make: MakeLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot may be started before its server."""
    monkeypatch.setattr(vllm_server, "UNKNOWN_SECONDS", 0.0)
    llm = make(kind="auto", retries=0)
    await twin.stop()
    with pytest.raises(ModelSetupError, match="cannot be reached"):
        await llm.complete(ChatRequest(messages=HELLO, cache_salt="salt"))
    await twin.start()
    await llm.complete(ChatRequest(messages=HELLO, cache_salt="salt"))
    assert twin.asked[-1]["cache_salt"] == "salt"


async def test_a_deleted_folder_is_an_error_of_the_lora(make: MakeLLM, tmp_path: Path) -> None:
    """A person took their data back while their message waited: the level above answers."""
    with pytest.raises(LoraError, match=r"adapter_config.json is missing"):
        await make().complete(asking(tmp_path / "gone"))


async def test_a_server_away_is_said_to_be_away(twin: VllmTwin, make: MakeLLM, loras: list[Path]) -> None:
    """It is not the LoRA's fault: the level above could not answer either."""
    await twin.stop()
    with pytest.raises(ModelUnavailableError, match="cannot be reached"):
        await make(retries=0).complete(asking(loras[0]))


async def test_a_server_that_is_not_vllm_is_not_looked_at_again(
    twin: VllmTwin, make: MakeLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bot of a cloud or of Ollama would ask for a list every five seconds, for ever."""
    monkeypatch.setattr(vllm_watch, "WATCH_SECONDS", 0.0)
    twin.owned_by = "llamacpp"
    llm = make(kind="auto")
    await llm.complete(ChatRequest(messages=HELLO))
    asked = twin.calls["models"]
    watching = asyncio.create_task(llm.watch())
    for _ in range(20):
        await llm.complete(ChatRequest(messages=HELLO))
    watching.cancel()
    assert twin.calls["models"] == asked == 1
