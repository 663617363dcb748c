"""Beginnings of prompts that are kept in memory and on disk: they must be what would be computed."""

from __future__ import annotations

import asyncio
import json
import shutil
import stat
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]

from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.llm import LLM
from llmagent_os.serving import engine, prefix_cache
from llmagent_os.serving.local import LocalBackend
from llmagent_os.serving.model_location import locate
from llmagent_os.serving.options import LocalOptions
from llmagent_os.serving.prefix_cache import KEEP_SECONDS, PrefixCache
from llmagent_os.serving.prefix_files import KeptPrefix, PrefixFiles, digest
from llmagent_os.serving.slot_cache import Snapshot, join_snapshots
from tests.tiny_model import save_lora, save_model

_TOKEN_BYTES = 8  # of the snapshots here: a key and a value of one float


def snapshot(tokens: Sequence[int]) -> Snapshot:
    """Keys and values by which each token is known again."""
    kept = torch.tensor([float(token) for token in tokens])[None, :, None]  # [1 head, tokens, 1]
    return [(kept, -kept)]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def put(cache: PrefixCache, tokens: list[int], version: str = "base", **options: Any) -> list[tuple[int, int]]:
    """Keep ``tokens``; gives which places were computed."""
    asked: list[tuple[int, int]] = []

    def read(begin: int, end: int) -> Snapshot:
        asked.append((begin, end))
        return snapshot(tokens[begin:end])

    cache.put(version, tokens, read, **options)
    return asked


def got(cache: PrefixCache, tokens: list[int], version: str = "base") -> list[int]:
    """The tokens whose keys and values are kept."""
    kept = join_snapshots(cache.get(version, tokens))
    return [int(value) for value in kept[0][0].flatten()] if kept else []


def test_prompts_share_what_they_begin_with() -> None:
    """The system message of a bot is held once, not once for each person."""
    cache = PrefixCache()
    assert put(cache, [1, 2, 3, 4]) == [(0, 4)]
    assert put(cache, [1, 2, 3, 4]) == []
    assert put(cache, [1, 2, 9, 8]) == [(2, 4)], "only what is new is copied"
    assert cache.nbytes == 6 * _TOKEN_BYTES
    assert got(cache, [1, 2, 3, 4, 5]) == [1, 2, 3, 4]
    assert got(cache, [1, 2, 9]) == [1, 2, 9], "also a part of what is kept"
    assert got(cache, [1, 2, 7]) == [1, 2]
    assert got(cache, [7]) == []


def test_loras_do_not_share() -> None:
    """A LoRA computes other keys and values for the same tokens."""
    cache = PrefixCache()
    put(cache, [1, 2, 3])
    assert got(cache, [1, 2, 3], "ana@1") == []
    assert put(cache, [1, 2, 3], "ana@1") == [(0, 3)]


def test_memory_is_bounded_and_what_was_used_last_stays() -> None:
    """Thousands of conversations must not fill the machine's memory."""
    clock = Clock()
    cache = PrefixCache(8 * _TOKEN_BYTES, clock)
    put(cache, [1, 2, 3, 4], pinned=True)
    for number in range(5, 50):
        clock.now += 1
        put(cache, [1, 2, number, number])
        assert cache.nbytes <= 8 * _TOKEN_BYTES
    assert got(cache, [1, 2, 49, 49]) == [1, 2, 49, 49]
    assert got(cache, [1, 2, 5, 5]) == [1, 2]
    assert got(cache, [1, 2, 3, 4]) == [1, 2, 3, 4], "the bot's own beginning is pinned"
    put(cache, list(range(100, 120)))
    assert got(cache, [100]) == [], "too large to be kept"


def test_what_people_said_is_forgotten_and_the_bot_s_own_words_stay() -> None:
    cache = PrefixCache()
    put(cache, [1, 2], pinned=True)
    put(cache, [1, 2, 3, 4])
    put(cache, [7, 8], "ana@1")
    cache.forget()
    assert got(cache, [1, 2, 3, 4]) == [1, 2]
    assert got(cache, [7, 8], "ana@1") == []
    assert (len(cache), cache.nbytes) == (1, 2 * _TOKEN_BYTES)


def test_words_that_nobody_needs_any_more_do_not_stay_in_memory() -> None:
    """What a person said should not be held for no use."""
    clock = Clock()
    cache = PrefixCache(clock=clock)
    put(cache, [1, 2], pinned=True)
    put(cache, [1, 2, 3, 4])
    clock.now = KEEP_SECONDS + 1
    put(cache, [8])
    assert got(cache, [1, 2, 3, 4]) == [1, 2]
    assert cache.nbytes == 3 * _TOKEN_BYTES


def test_what_a_person_said_is_kept_for_that_person_alone() -> None:
    cache = PrefixCache()
    tokens = [1, 2, 3, 4]

    def read(begin: int, end: int) -> Snapshot:
        return snapshot(tokens[begin:end])

    def found(salt: str, public: int = 2) -> list[int]:
        kept = join_snapshots(cache.get_of("base", tokens, public, salt))
        return [int(value) for value in kept[0][0].flatten()]

    cache.put_of("base", tokens, read, 2, "ana")
    assert (found("ana"), found("bob"), found("")) == ([1, 2, 3, 4], [1, 2], [1, 2])
    cache.put_of("base", tokens, read, 2, "")
    assert found("") == [1, 2], "without a salt, nothing more is kept"
    assert found("ana", public=1) == [1], "what follows another beginning is not mixed up with it"
    cache.forget()
    assert (len(cache), cache.nbytes) == (0, 0)


def test_a_cache_without_room_copies_nothing() -> None:
    cache = PrefixCache(0)
    assert put(cache, [1, 2, 3]) == []
    assert (len(cache), got(cache, [1, 2, 3])) == (0, [])


async def test_words_do_not_stay_in_an_engine_that_waits(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody need say anything for what others said to be dropped, also from slots that are free."""
    monkeypatch.setattr(engine, "TIDY_SECONDS", 0.01)
    monkeypatch.setattr(engine, "KEEP_SECONDS", 0.0)
    backend = LocalBackend(locate(str(base)), LocalOptions(slots=2))
    asked = ChatRequest(messages=[{"role": "user", "content": "lunch with Ana"}], max_tokens=4, cache_salt="ana")
    try:
        reply = await backend.complete(asked, None)
        assert backend.engine.prefixes.nbytes, "a quarter of an hour has not passed"
        monkeypatch.setattr(prefix_cache, "KEEP_SECONDS", 0.0)
        model = cast("Any", backend.engine)._model
        async with asyncio.timeout(60):
            while backend.engine.prefixes.nbytes or any(  # noqa: ASYNC110  # the engine's thread tells nobody
                bool(layer.any()) for pair in model.snapshot(0, 0, len(reply.prompt_token_ids)) for layer in pair
            ):
                await asyncio.sleep(0.01)
        assert len(backend.engine.prefixes) == 0
        assert (await backend.complete(asked, None)).token_ids == reply.token_ids
    finally:
        backend.close()


# ── on disk ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("llama") / "base")


OPENING = ChatRequest(
    messages=[{"role": "system", "content": "You are brief, and kind. " * 8}, {"role": "user", "content": "hello"}],
    max_tokens=1,
)
SAID = ChatRequest(messages=[OPENING.messages[0], {"role": "user", "content": "lunch with Ana"}], max_tokens=30)


async def warmed(base: Path, folder: Path) -> LLM:
    llm = LLM.from_pretrained(str(base), prefix_folder=folder)
    await llm.warm_up(OPENING)
    return llm


@pytest.fixture
async def kept(base: Path, tmp_path: Path) -> AsyncIterator[tuple[Path, tuple[int, ...]]]:
    """The folder in which a bot has left its opening, and what the bot answered."""
    async with await warmed(base, tmp_path / "prefixes") as llm:
        reply = await llm.complete(SAID)
    yield tmp_path / "prefixes", reply.token_ids


def tokens_read(base: Path, folder: Path | None) -> tuple[int, tuple[int, ...]]:
    """How many prompt tokens a new process computes, and what it answers."""
    backend = LocalBackend(locate(str(base)), LocalOptions(prefix_folder=folder))
    try:
        reply = asyncio.run(backend.complete(SAID, None))
        return backend.engine.tokens_read, reply.token_ids
    finally:
        backend.close()


async def test_a_bot_starts_with_its_opening_read(base: Path, kept: tuple[Path, tuple[int, ...]]) -> None:
    """The first person after a restart does not wait until the instructions are read again."""
    folder, expected = kept
    assert len(list(folder.iterdir())) == 1, "the opening, and nothing that people said"
    cold, _ = await asyncio.to_thread(tokens_read, base, None)
    warm, answer = await asyncio.to_thread(tokens_read, base, folder)
    assert warm < cold / 3
    assert answer == expected


@pytest.mark.parametrize("damage", ["cut", "bit", "renamed", "other model", "empty", "no rights to list"])
async def test_a_file_that_is_not_right_is_ignored(base: Path, kept: tuple[Path, tuple[int, ...]], damage: str) -> None:
    """Wrong keys and values would make every reply of the bot nonsense."""
    folder, expected = kept
    (file,) = folder.iterdir()
    raw = file.read_bytes()
    if damage == "cut":
        file.write_bytes(raw[:-40])
    elif damage == "bit":
        file.write_bytes(raw[:-40] + bytes([raw[-40] ^ 64]) + raw[-39:])
    elif damage == "renamed":
        file.rename(folder / f"{file.name.rsplit('-', 1)[0]}-{'0' * 16}.safetensors")
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "no rights to list":
        shutil.rmtree(folder)
        folder.write_text("a file where the folder should be")
    else:
        file.rename(folder / file.name.replace(file.name.split("-")[0], "0" * 12))
    cold, _ = await asyncio.to_thread(tokens_read, base, None)
    read, answer = await asyncio.to_thread(tokens_read, base, folder)
    assert (read, answer) == (cold, expected)


@pytest.mark.parametrize("form", ["no dimension", "other heads", "other size", "fewer layers", "tokens without form"])
async def test_a_file_of_another_form_is_ignored(base: Path, kept: tuple[Path, tuple[int, ...]], form: str) -> None:
    """The sum in the file says that it is whole, and not that this model can read it: no request may fail by it."""
    folder, expected = kept
    (file,) = folder.iterdir()
    with cast("Any", safe_open)(file, framework="pt") as opened:
        about: dict[str, str] = dict(opened.metadata())
        tensors: dict[str, torch.Tensor] = {name: opened.get_tensor(name) for name in cast("list[str]", opened.keys())}
    if form == "no dimension":
        tensors["0.k"] = torch.tensor(1.0)
    elif form == "tokens without form":
        tensors["tokens"] = torch.tensor(1)
    elif form == "fewer layers":
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith("1.")}
    else:
        axis = 0 if form == "other heads" else 2
        tensors |= {name: torch.cat([tensor, tensor], axis) for name, tensor in tensors.items() if name != "tokens"}
    about["sha256"] = digest(tensors) if all(each.dim() for each in tensors.values()) else about["sha256"]
    cast("Any", save_file)(tensors, file, metadata=about)
    cold, _ = await asyncio.to_thread(tokens_read, base, None)
    assert await asyncio.to_thread(tokens_read, base, folder) == (cold, expected)
    async with await warmed(base, folder) as llm:
        assert (await llm.complete(SAID)).token_ids == expected


async def test_a_changed_configuration_has_all_read_again(tmp_path: Path) -> None:
    """The weights are the same, and the keys and values are not: positions turn otherwise."""
    base, folder = save_model(tmp_path / "base"), tmp_path / "prefixes"
    async with await warmed(base, folder):
        pass
    config = json.loads((base / "config.json").read_text())
    config["rope_theta"] = 50.0
    config.get("rope_parameters", {})["rope_theta"] = 50.0
    (base / "config.json").write_text(json.dumps(config))
    cold = await asyncio.to_thread(tokens_read, base, None)
    assert await asyncio.to_thread(tokens_read, base, folder) == cold
    (old,) = folder.iterdir()
    async with await warmed(base, folder):
        pass
    assert len(list(folder.iterdir())) == 2
    assert old.exists(), "the one before is kept for when the change is taken back"


async def test_what_is_kept_on_disk_is_for_the_owner_alone(kept: tuple[Path, tuple[int, ...]]) -> None:
    """The instructions of a bot may be nobody else's business, whatever the umask is."""
    folder, _ = kept
    assert [stat.S_IMODE(each.stat().st_mode) for each in (folder, *folder.iterdir())] == [0o700, 0o600]


def test_only_what_fits_is_loaded_and_old_files_are_deleted(tmp_path: Path) -> None:
    """A bot whose instructions change every day must not fill the disk, nor the memory at a start."""
    files = PrefixFiles(tmp_path, "abc", torch.float32, "")
    for number in range(20):
        files.write(KeptPrefix("base", (number, 2), snapshot((number, 2))))
    assert 0 < len(list(tmp_path.iterdir())) <= 8
    assert len(list(files.read(1 << 20))) == len(list(tmp_path.iterdir()))
    assert list(files.read(10)) == []
    assert list(PrefixFiles(tmp_path, "abc", torch.bfloat16, "").read(1 << 20)) == []


async def test_nobody_learns_by_the_time_what_another_said(base: Path) -> None:
    """A guess at another's words is read whole, however near it comes; also at what is remembered of another."""
    backend = LocalBackend(locate(str(base)), LocalOptions())
    public = "You are brief, and kind. " * 4

    async def read(salt: str, words: str, told: str) -> int:
        before = backend.engine.tokens_read
        system = public + told
        asked = ChatRequest(
            messages=[{"role": "system", "content": system}, {"role": "user", "content": words}],
            max_tokens=4,
            cache_salt=salt,
            public_system=public,
        )
        await backend.complete(asked, None)
        return backend.engine.tokens_read - before

    try:
        first = await read("ana", "tell nobody: I meet Luna on friday", "Ana lives in Rome")
        again = await read("ana", "tell nobody: I meet Luna on friday and sunday", "Ana lives in Rome")
        near = await read("bob", "tell nobody: I meet Luna on friday", "Ana lives in Rome")
        nobody = await read("", "tell nobody: I meet Luna on friday", "Ana lives in Rome")
        twice = await read("", "tell nobody: I meet Luna on friday", "Ana lives in Rome")
    finally:
        backend.close()
    assert near == nobody == twice, "as much is read, whether Ana said it or not"
    assert again < near < first, "Ana's own is kept for Ana, and what is the bot's own for all"


async def test_a_conversation_is_not_read_again_for_the_next_turn(base: Path, tmp_path: Path) -> None:
    """Turn twenty of a conversation costs what turn one costs, and says what it would say anyway."""
    lora = save_lora(tmp_path / "lora", base)
    messages = [{"role": "user", "content": "lunch with Ana on friday " * 20}]
    backend = LocalBackend(locate(str(base)), LocalOptions())
    try:
        for chosen in (None, str(lora)):
            first = ChatRequest(messages=messages, lora=chosen, max_tokens=8, cache_salt="ana")
            reply = await backend.complete(first, None)
            before = backend.engine.tokens_read
            turns = [*messages, {"role": "assistant", "content": reply.text}, {"role": "user", "content": "ok"}]
            again = await backend.complete(
                ChatRequest(messages=turns, lora=chosen, max_tokens=20, cache_salt="ana"), None
            )
            assert backend.engine.tokens_read - before < len(again.prompt_token_ids) / 3
            fresh = LocalBackend(locate(str(base)), LocalOptions(prefix_bytes=0))
            alone = await fresh.complete(ChatRequest(messages=turns, lora=chosen, max_tokens=20), None)
            fresh.close()
            assert alone.token_ids == again.token_ids
    finally:
        backend.close()


def kept_own(backend: LocalBackend, reply: Completion) -> bool:
    """Whether the engine has kept more of a prompt of Ana's than the tokens that every prompt begins with."""
    prefixes, tokens = backend.engine.prefixes, reply.prompt_token_ids
    return any(
        sum(piece[0][0].shape[1] for piece in prefixes.get_of("base", tokens, public, "ana")) > public
        for public in range(len(tokens))
    )


async def test_nothing_of_a_person_is_left_in_the_engine_after_it_was_told_to_forget(base: Path) -> None:
    """Also not of a reply that was being written then, which may have the person's words in its prompt."""
    backend = LocalBackend(locate(str(base)), LocalOptions(slots=4))
    begun = asyncio.Event()

    async def show(_: str) -> None:
        begun.set()

    def asked(text: str, **options: Any) -> ChatRequest:
        return ChatRequest(messages=[{"role": "user", "content": text}], temperature=1.0, cache_salt="ana", **options)

    try:
        ended = await backend.complete(asked("lunch with Ana on friday", seed=1, max_tokens=9), None)
        assert kept_own(backend, ended)
        writing = asyncio.create_task(backend.complete(asked("Ana calls mom", seed=2, max_tokens=300), show))
        await begun.wait()
        await backend.forget_people()
        assert not kept_own(backend, ended)
        written = await writing
        assert written.finish_reason in ("stop", "length")
        assert len(backend.engine.prefixes) == 0, "the reply that was being written is kept"
        await backend.forget_people()
        again = await backend.complete(asked("lunch with Ana on friday", seed=1, max_tokens=9), None)
        assert again.token_ids == ended.token_ids
        assert kept_own(backend, ended), "what comes afterwards is kept as ever"
    finally:
        backend.close()
    await backend.forget_people()  # a closed engine has nobody to wait for
    assert len(backend.engine.prefixes) == 0
