"""Replies from replicas, without Ray: what the real replica model says is carried by a twin in memory.

What breaks without this: a reply that is cut in two by a lost replica, or that another replica writes in other words.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import shutil
from collections import OrderedDict
from collections.abc import AsyncGenerator, Generator
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from llmagent_os import errors
from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.cluster.known_loras import KnownLoras
from llmagent_os.cluster.ray_backend import RayBackend
from llmagent_os.cluster.replica_caller import ReplicaLostError
from llmagent_os.cluster.replica_model import HeldLora, ReplicaModel
from llmagent_os.cluster.replica_order import ReplicaOrder
from llmagent_os.cluster.reply_frames import (
    HELD,
    Done,
    Failed,
    Grown,
    LoraWanted,
    ReplyAsked,
    decode_frame,
    error_of,
    failed,
    grown,
)
from llmagent_os.errors import LoraError, ModelBusyError, ModelError, ModelSetupError, ModelUnavailableError
from llmagent_os.llm import LLM
from llmagent_os.serving.local import LocalBackend
from llmagent_os.serving.lora_weights import weights_of
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_location import locate
from llmagent_os.serving.options import LocalOptions, RayOptions
from llmagent_os.serving.tool_call_parsing import InvalidCallError
from tests.tiny_model import CREATE, LIST, save_model
from tests.unit.cluster.conftest import assert_same, kinds_of_requests, request

OPTIONS = LocalOptions(slots=4, threads=1, max_loras=2)


class MemoryReplicas:
    """Keeps the contract of a :class:`~llmagent_os.cluster.replica_caller.ReplicaCaller` with one replica."""

    def __init__(self, model: ReplicaModel) -> None:
        self.model = model
        self.lost_after: list[int] = []  #: after how many frames each of the next requests is lost
        self.wanted = 0  #: how often the replica wanted a LoRA
        self._kept: OrderedDict[str, HeldLora] = OrderedDict()

    async def connect(self) -> None:
        """There is nothing to reach."""

    async def _hold(self, lora_id: str) -> HeldLora:
        """What Ray Serve does: keep the LoRAs that were used last."""
        if lora_id not in self._kept:
            self._kept[lora_id] = await self.model.load(lora_id)
        self._kept.move_to_end(lora_id)
        while len(self._kept) > OPTIONS.max_loras:
            self._kept.popitem(last=False)
        return self._kept[lora_id]

    async def ask(self, lora_id: str, raw: bytes) -> AsyncGenerator[bytes]:
        """Ask the replica, and lose it if it is its turn."""
        left = self.lost_after.pop(0) if self.lost_after else None
        async with contextlib.aclosing(self.model.answer(raw, self._hold)) as frames:
            async for frame in frames:
                if left is not None and (left := left - 1) < 0:
                    raise ReplicaLostError("the node is gone")
                self.wanted += isinstance(decode_frame(frame), LoraWanted)
                yield frame

    def close(self) -> None:
        """The replica goes on, for other tests."""


@pytest.fixture(scope="module")
def model(cluster_models: Path) -> Generator[ReplicaModel]:
    model = ReplicaModel.load_model(ReplicaOrder(model=str(cluster_models / "model"), options=OPTIONS))
    yield model
    model.close()


@pytest.fixture(scope="module")
def local(cluster_models: Path) -> Generator[LocalBackend]:
    backend = LocalBackend(locate(str(cluster_models / "model")), OPTIONS)
    yield backend
    backend.close()


@pytest.fixture
def replicas(model: ReplicaModel) -> MemoryReplicas:
    return MemoryReplicas(model)


def backend(replicas: MemoryReplicas, **options: float) -> RayBackend:
    return RayBackend("tiny", msgspec.convert(options, RayOptions), replicas)


async def outcome(backend: RayBackend | LocalBackend, asked: ChatRequest) -> Completion:
    """The reply, or the one that was no valid call."""
    try:
        return await backend.complete(asked, None)
    except InvalidCallError as error:
        return error.rejected[-1]


async def test_every_kind_of_reply_is_the_engine_s(
    replicas: MemoryReplicas, local: LocalBackend, cluster_models: Path
) -> None:
    for asked in kinds_of_requests(cluster_models):
        expected = await outcome(local, asked)
        assert expected.token_ids
        assert_same(await outcome(backend(replicas), asked), expected)


async def test_an_invalid_call_is_told_as_the_engine_tells_it(trained_model: Path, cluster_models: Path) -> None:
    """The model reads what was wrong, and tries again: that needs the words and the rejected completion."""
    model = ReplicaModel.load_model(ReplicaOrder(model=str(trained_model), options=OPTIONS))
    asked = request(temperature=0.0, max_tokens=6, tools=(CREATE, LIST))
    asked = msgspec.structs.replace(
        asked, messages=[{"role": "user", "content": "Schedule a meeting with John at 3pm"}]
    )
    raised: list[InvalidCallError] = []
    for each in (model, backend(MemoryReplicas(model))):
        with pytest.raises(InvalidCallError, match="cut off after 6 tokens") as caught:
            await each.complete(asked, None)
        raised.append(caught.value)
    model.close()
    one, other = raised
    assert (one.why, one.said, one.rejected, str(one)) == (other.why, other.said, other.rejected, str(other))


async def test_a_lora_is_sent_once_and_again_when_the_replica_let_go_of_it(
    replicas: MemoryReplicas, cluster_models: Path
) -> None:
    ray = backend(replicas)
    loras = [str(cluster_models / f"lora-{number}") for number in range(3)]
    for lora in (loras[0], loras[0], loras[1], loras[0]):
        await ray.complete(request(lora=lora), None)
    assert replicas.wanted == 2
    await ray.complete(request(lora=loras[2]), None)  # one too many: the second goes
    await ray.complete(request(lora=loras[0]), None)
    assert replicas.wanted == 3
    assert (await ray.complete(request(lora=loras[1]), None)).lora_version.startswith("lora-1@")
    assert replicas.wanted == 4


async def test_a_lora_that_was_let_go_of_while_it_writes_is_asked_for_again(
    model: ReplicaModel, cluster_models: Path
) -> None:
    """Serve drops the LoRA that was used longest ago, also while a long reply is written with it."""
    replicas, begun = MemoryReplicas(model), asyncio.Event()
    ray = backend(replicas)
    lora = str(cluster_models / "lora-0")

    async def show(text: str) -> None:
        begun.set()

    long = asyncio.create_task(ray.complete(request(lora=lora, max_tokens=8000, temperature=0.0), show))
    await begun.wait()
    for number in (1, 2):
        await ray.complete(request(lora=str(cluster_models / f"lora-{number}")), None)
    assert (await ray.complete(request(lora=lora), None)).lora_version.startswith("lora-0@")
    assert replicas.wanted == 3, "what still writes is taken from memory"
    long.cancel()


async def test_a_lora_that_goes_between_the_look_and_the_hold_is_wanted(
    model: ReplicaModel, cluster_models: Path
) -> None:
    known = KnownLoras()
    folder = cluster_models / "lora-3"
    asked = ReplyAsked(request=request(lora=HELD), lora_id=known.id_of(folder), files=known.files_of(folder))
    held = [frame async for frame in model.answer(msgspec.msgpack.encode(asked), model.load)]
    assert isinstance(decode_frame(held[-1]), Done)

    kept = [HeldLora(weights_of(known.files_of(folder)))]
    model._held[asked.lora_id] = kept[0]  # pyright: ignore[reportPrivateUsage]

    async def hold(lora_id: str) -> HeldLora:
        kept.clear()  # its last reply ends while this one waits for its turn
        gc.collect()
        return await model.load(lora_id)

    again = msgspec.structs.replace(asked, files=None)
    frames = [decode_frame(frame) async for frame in model.answer(msgspec.msgpack.encode(again), hold)]
    assert frames == [LoraWanted()]


async def test_files_of_another_lora_are_refused(model: ReplicaModel, cluster_models: Path) -> None:
    """Replies would be recorded, and learned from, as those of another version."""
    files = KnownLoras().files_of(cluster_models / "lora-4")
    asked = ReplyAsked(request=request(lora=HELD), lora_id="lora-5@0123456789ab", files=files)
    frames = [decode_frame(frame) async for frame in model.answer(msgspec.msgpack.encode(asked), model.load)]
    assert isinstance(frames[-1], Failed) and frames[-1].kind == "LoraError"
    assert "lora-5@0123456789ab was asked for" in frames[-1].text


async def test_a_lora_whose_files_change_is_another_one(
    replicas: MemoryReplicas, cluster_models: Path, tmp_path: Path
) -> None:
    ray, folder = backend(replicas), tmp_path / "lora"
    versions: list[str] = []
    for number in range(2):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(cluster_models / f"lora-{number}", folder)
        versions.append((await ray.complete(request(lora=str(folder)), None)).lora_version)
    assert len(set(versions)) == 2


@pytest.mark.parametrize("damage", ["missing", "sums", "weights"])
async def test_a_lora_that_cannot_be_used_lets_the_level_above_answer(
    replicas: MemoryReplicas, cluster_models: Path, tmp_path: Path, damage: str
) -> None:
    folder = tmp_path / "lora"
    if damage != "missing":
        shutil.copytree(cluster_models / "lora-0", folder)
        (folder / ("SHA256SUMS" if damage == "sums" else "adapter_model.safetensors")).write_bytes(b"nonsense")
    with pytest.raises(LoraError, match="lora"):
        await backend(replicas).complete(request(lora=str(folder)), None)
    llm = LLM("ray:tiny", backend(replicas))
    assert (await llm.complete(request(lora=str(folder), lora_above=("base",)))).lora_version == "base"


@pytest.mark.parametrize("seed", [None, 7])
async def test_a_lost_replica_costs_no_words_and_shows_none_twice(replicas: MemoryReplicas, seed: int | None) -> None:
    replicas.lost_after = [9, 4, 0]  # the second try is lost earlier than the first, and the third at once
    shown: list[str] = []

    async def show(text: str) -> None:
        shown.append(text)

    completion = await backend(replicas).complete(request(seed=seed, max_tokens=60), show)
    assert not replicas.lost_after
    assert shown[-1] == completion.text and len(shown) > 4
    assert all(later.startswith(earlier) and later != earlier for earlier, later in pairwise(shown))


async def test_pieces_of_a_stream_make_the_reply_also_when_a_replica_is_lost(replicas: MemoryReplicas) -> None:
    llm, asked = LLM("ray:tiny", backend(replicas)), request(max_tokens=60)
    expected = (await llm.complete(asked)).text
    replicas.lost_after = [12]
    assert "".join([piece async for piece in llm.stream(asked)]) == expected


async def test_when_every_replica_is_lost_the_host_may_try_later(replicas: MemoryReplicas) -> None:
    replicas.lost_after = [0, 0, 0]
    with pytest.raises(ModelUnavailableError, match="3 replicas of tiny were lost: the node is gone"):
        await backend(replicas, retries=2).complete(request(), None)


async def test_a_reply_that_takes_too_long_ends_and_frees_its_slot(replicas: MemoryReplicas) -> None:
    with pytest.raises(ModelBusyError, match=r"no replica of tiny finished a reply within 0\.2 s"):
        await backend(replicas, timeout=0.2).complete(request(max_tokens=8000, temperature=0.0), None)
    while replicas.model.engine.load != (0, 0):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_a_cancelled_request_frees_its_slot(replicas: MemoryReplicas) -> None:
    begun = asyncio.Event()

    async def show(text: str) -> None:
        begun.set()

    task = asyncio.create_task(backend(replicas).complete(request(max_tokens=8000, temperature=0.0), show))
    await begun.wait()
    assert replicas.model.engine.load[0] == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while replicas.model.engine.load != (0, 0):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def test_a_replica_with_other_weights_does_not_start(cluster_models: Path) -> None:
    """Its replies would be learned from as if they were the model's."""
    order = ReplicaOrder(model=str(cluster_models / "model"), model_hash="0123456789ab")
    with pytest.raises(ModelSetupError, match="install the same model on every machine"):
        ReplicaModel.load_model(order)


async def test_a_host_with_other_weights_is_refused(
    replicas: MemoryReplicas, cluster_models: Path, tmp_path: Path
) -> None:
    """A host that was updated, and replicas that were not: trainings would learn from the other model's replies."""
    here, other = cluster_models / "model", save_model(tmp_path / "other", seed=9)
    options = RayOptions()
    same = await RayBackend("tiny", options, replicas, locate(str(here))).complete(request(), None)
    assert same.model_hash == model_hash(locate(str(here)))
    shown: list[str] = []

    async def show(text: str) -> None:
        shown.append(text)

    for lora in (None, str(cluster_models / "lora-0")):
        with pytest.raises(ModelSetupError, match=r"serves other weights .*`llmagent-os cluster start` again"):
            await RayBackend("tiny", options, replicas, locate(str(other))).complete(request(lora=lora), show)
    assert not shown


def test_a_replica_whose_engine_has_ended_is_ill(cluster_models: Path) -> None:
    model = ReplicaModel.load_model(ReplicaOrder(model=str(cluster_models / "model"), options=OPTIONS))
    model.check_health()
    model.close()
    with pytest.raises(ModelError, match="engine of this replica has ended"):
        model.check_health()


MODEL_ERRORS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ModelError) and kind is not ModelError
]


@pytest.mark.parametrize("kind", MODEL_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_a_model_travels(kind: type[ModelError]) -> None:
    error = kind("what is wrong")
    error.rejected = (Completion(text="first"),)
    frame = decode_frame(msgspec.msgpack.encode(failed(error)))
    assert isinstance(frame, Failed)
    found = error_of(frame)
    assert (type(found), str(found), found.rejected) == (kind, "what is wrong", error.rejected)


def test_frames_of_another_version_are_refused_in_words() -> None:
    with pytest.raises(ModelUnavailableError, match="the same version of llmagent-os on every machine"):
        decode_frame(msgspec.msgpack.encode({"type": "sung"}))
    with pytest.raises(ModelUnavailableError, match="cannot read"):
        decode_frame(b"\xc1")


@pytest.mark.parametrize(("before", "text"), [("", "Hi"), ("Hi", "Hi you"), ("Hi\N{REPLACEMENT CHARACTER}", "Hi é")])
def test_grown_texts_are_put_together(before: str, text: str) -> None:
    frame = grown(before, text)
    assert isinstance(frame, Grown) and before[: frame.keep] + frame.piece == text
