"""Training: it moves what it should, ends when it should, and goes on after it was killed."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load, save
from structlog.testing import capture_logs

from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.training.lora import attach
from llmagent_os.training.objectives.objective import Logprobs, Metrics, SampleBatch
from llmagent_os.training.objectives.objective_choice import objective_of
from llmagent_os.training.objectives.sft import SupervisedObjective
from llmagent_os.training.prompt_batch import ResponseRow
from llmagent_os.training.response_model import ResponseModel
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_device import TrainingDevice
from llmagent_os.training.training_loop import train
from llmagent_os.training.training_run import TrainingProgress, TrainingRun
from llmagent_os.training.training_settings import TrainingSettings
from tests.unit.training.conftest import VOCABULARY, random_samples, small_model

Adapt = Callable[[TrainingSettings], Any]
QUICK = TrainingSettings(
    rank=4, epochs=4, batch_size=4, learning_rate=5e-3, precision="fp32", device="cpu", threads=1, checkpoint_seconds=0
)


def change(**values: Any) -> TrainingSettings:
    return msgspec.structs.replace(QUICK, **values)


def learn(adapted: Any, samples: list[TokenSample], settings: TrainingSettings, **options: Any) -> TrainingRun:
    return train(adapted, samples, objective_of(settings), settings, **options)


def weights(adapted: Any) -> dict[str, torch.Tensor]:
    return {name: each.detach().clone() for name, each in adapted.named_parameters() if each.requires_grad}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(each, other[name]) for name, each in one.items())


def likelihood(adapted: Any, responses: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> float:
    """The mean log-probability of a response, in nats."""
    rows = [ResponseRow(prompt, response) for prompt, response in responses]
    with torch.no_grad():
        return ResponseModel(adapted, TrainingDevice(QUICK, 0), 0).logprobs(rows)[0].sum(1).mean().item()


@pytest.mark.parametrize("method", ["sft", "kto", "dpo", "reinforce"])
def test_every_method_makes_what_is_liked_likelier_than_what_is_not(adapt: Adapt, method: Any) -> None:
    """The one thing that all methods are for."""
    settings = change(method=method, epochs=10, desirable_weight=1.0)
    samples = random_samples(12)
    liked = [(each.prompt, each.response) for each in samples if method == "dpo" or each.reward > 0]
    other = (
        [(each.prompt, each.rejected) for each in samples]
        if method == "dpo"
        else [(each.prompt, each.response) for each in samples if each.reward < 0]
    )
    adapted = adapt(settings)
    before = likelihood(adapted, liked) - likelihood(adapted, other)
    run = learn(adapted, samples, settings)
    assert likelihood(adapted, liked) - likelihood(adapted, other) > before + 0.5
    assert len(run.losses) == run.best_step == settings.steps(run.samples)
    assert run.tokens > 0 < run.seconds


@pytest.mark.parametrize("method", ["sft", "reinforce"])
def test_frozen_layers_that_are_remembered_train_the_same_weights(adapt: Adapt, method: Any) -> None:
    """The cache is for speed alone."""
    settings = change(method=method, top_layers=1, epochs=2)
    cached, anew = adapt(settings), adapt(settings)
    learn(cached, random_samples(10), settings)
    run = learn(anew, random_samples(10), msgspec.structs.replace(settings, max_cache_bytes=0))
    assert any("computed anew" in warning for warning in run.warnings)
    assert all(torch.allclose(each, weights(anew)[name], atol=1e-5) for name, each in weights(cached).items())


def test_the_same_seed_trains_the_same_weights(adapt: Adapt) -> None:
    """A result that cannot be repeated cannot be examined."""
    trained = [adapt(QUICK) for _ in range(3)]
    state = torch.get_rng_state()
    for model, seed in zip(trained, (0, 0, 1), strict=True):
        learn(model, random_samples(9), change(seed=seed))
    assert torch.equal(torch.get_rng_state(), state), "the caller's random numbers are not touched"
    first, again, other = map(weights, trained)
    assert same(first, again)
    assert not same(first, other)


class Killed(BaseException):
    """Nobody handles it: the training ends as it does when its process is killed between two steps."""


def die_after(step: int) -> Callable[[TrainingProgress], None]:
    def watch(progress: TrainingProgress) -> None:
        if progress.step == step:
            raise Killed

    return watch


@pytest.mark.parametrize("method", ["sft", "kto", "reinforce"])
def test_a_training_killed_at_any_step_ends_with_the_same_weights(adapt: Adapt, tmp_path: Path, method: Any) -> None:
    """After kill -9 a job must finish, and nobody may be able to tell that it was interrupted."""
    settings = change(method=method, epochs=2, patience=9, stop_at_loss=0)
    samples, validation = random_samples(16), random_samples(8, seed=1)
    whole = adapt(settings)
    expected = learn(whole, samples, settings, validation=validation)
    file = tmp_path / "state.safetensors"
    for step in range(1, len(expected.losses)):
        with pytest.raises(Killed):
            learn(adapt(settings), samples, settings, validation=validation, checkpoint=file, on_step=die_after(step))
    resumed = adapt(settings)
    run = learn(resumed, samples, settings, validation=validation, checkpoint=file)
    assert same(weights(whole), weights(resumed))
    assert (run.losses, run.validations, run.best_step) == (expected.losses, expected.validations, expected.best_step)
    done = adapt(settings)
    assert learn(done, samples, settings, validation=validation, checkpoint=file).losses == run.losses
    assert same(weights(done), weights(resumed)), "a training that has ended gives its result again"


def test_a_checkpoint_that_is_not_of_this_training_is_refused(adapt: Adapt, tmp_path: Path) -> None:
    """Half of one person's data and half of another's would be in the weights."""
    file = tmp_path / "state.safetensors"
    with pytest.raises(Killed):
        learn(adapt(QUICK), random_samples(9), QUICK, checkpoint=file, on_step=die_after(2))
    for samples, settings in ((random_samples(9, seed=1), QUICK), (random_samples(9), change(seed=1))):
        with pytest.raises(ModelError, match="belongs to a training with other samples, settings or weights"):
            learn(adapt(settings), samples, settings, checkpoint=file)
    learn(adapt(QUICK), random_samples(9), change(checkpoint_seconds=99, threads=1), checkpoint=file)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ModelError, match=r"state.safetensors cannot be read: .* Delete it"):
        learn(adapt(QUICK), random_samples(9), QUICK, checkpoint=file)


def test_a_training_may_begin_anew_where_its_settings_have_changed(adapt: Adapt, tmp_path: Path) -> None:
    """And ends as one that was never interrupted, and keeps its own state then."""
    file, changed = tmp_path / "state.safetensors", change(seed=1)
    with pytest.raises(Killed):
        learn(adapt(QUICK), random_samples(9), QUICK, checkpoint=file, on_step=die_after(2))
    whole = learn(adapt(changed), random_samples(9), changed)
    with pytest.raises(Killed), capture_logs() as logs:
        learn(adapt(changed), random_samples(9), changed, checkpoint=file, restart=True, on_step=die_after(3))
    assert "begins anew" in str(logs)
    assert learn(adapt(changed), random_samples(9), changed, checkpoint=file).losses == whole.losses


def test_a_full_disk_is_said(adapt: Adapt, tmp_path: Path) -> None:
    """Hours of training that cannot be kept must not look as if they could."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full, which is full")
    file = tmp_path / "state.safetensors"
    tmp_path.joinpath("state.safetensors.new").symlink_to("/dev/full")
    with pytest.raises(ModelError, match=r"state.safetensors cannot be written: .*No space left.* Make room"):
        learn(adapt(QUICK), random_samples(9), QUICK, checkpoint=file)
    assert list(tmp_path.iterdir()) == []


def test_training_ends_at_the_wished_loss(adapt: Adapt) -> None:
    """More passes over what is known by heart harm what is not in the data."""
    run = learn(adapt(QUICK), random_samples(4), change(epochs=500, stop_at_loss=0.5))
    assert run.ending == "loss"
    assert run.losses[-1] < 0.5 < run.losses[0]


def test_training_ends_without_progress_and_keeps_the_best_weights(adapt: Adapt) -> None:
    """Random responses cannot be learned in general: the more is learned by heart, the worse is the validation loss."""
    settings = change(epochs=200, learning_rate=2e-2, patience=2)
    adapted = adapt(settings)
    validation = random_samples(8, seed=5)
    run = learn(adapted, random_samples(8), settings, validation=validation)
    assert run.ending == "no_progress"
    best = min(run.validations, key=lambda each: each.loss)
    assert run.best_step == best.step < len(run.losses)
    liked = [(each.prompt, each.response) for each in validation if each.reward > 0]
    tokens = sum(len(response) for _, response in liked) / len(liked)
    assert -likelihood(adapted, liked) / tokens == pytest.approx(best.loss, rel=0.2)
    if not run.best_step:
        assert any("validation samples never fell" in warning for warning in run.warnings)


def test_training_ends_when_its_time_is_over_or_somebody_stops_it(adapt: Adapt) -> None:
    """A budget of time must hold, and a cancelled job must not go on."""
    assert learn(adapt(QUICK), random_samples(9), change(max_seconds=1e-9)).ending == "time"
    asked: list[int] = []

    def stopped() -> bool:
        asked.append(1)
        return len(asked) == 3

    run = learn(adapt(QUICK), random_samples(9), QUICK, stopped=stopped)
    assert (run.ending, len(run.losses)) == ("stopped", 3)


def test_a_loss_that_is_no_number_is_an_error(adapt: Adapt) -> None:
    """Weights that are no numbers would answer people with noise."""
    adapted = adapt(QUICK)
    for weight in weights(adapted):
        adapted.get_parameter(weight).data.fill_(float("inf"))
    with pytest.raises(ModelError, match="at step 1: lower the learning rate"):
        learn(adapted, random_samples(9), QUICK)


class Unmoved(SupervisedObjective):
    """An objective whose loss depends on nothing."""

    def loss(self, policy: Logprobs, reference: Logprobs, batch: SampleBatch) -> tuple[torch.Tensor, Metrics]:
        return 0 * super().loss(policy, reference, batch)[0] + 1, {}


def test_learning_that_does_nothing_is_never_silent(adapt: Adapt) -> None:
    """A job that reports success and taught nothing would be believed."""
    run = train(adapt(QUICK), random_samples(9), Unmoved(), change(epochs=12))
    assert "12 of 12 steps had no gradient at all: nothing was learned from them" in run.warnings
    assert "there are only 4 samples: the model learns them by heart, and little else" in run.warnings
    assert any("the loss did not move: 1 at the beginning, 1 at the end" in warning for warning in run.warnings)
    useless = learn(adapt(QUICK), random_samples(9), QUICK, validation=random_samples(3, reward=-1.0))
    assert any("validation samples are of no use: sft learns from liked" in warning for warning in useless.warnings)
    assert useless.validations == []
    with pytest.raises(ConfigError, match="none of 3"):
        learn(adapt(QUICK), random_samples(3, reward=-1.0), QUICK)


class Anchored(SupervisedObjective):
    """Supervised, and held to the base at anchors."""

    needs_anchors = True

    def __init__(self) -> None:
        self.divergences: list[float] = []

    def loss(self, policy: Logprobs, reference: Logprobs, batch: SampleBatch) -> tuple[torch.Tensor, Metrics]:
        learned, _ = super().loss(policy, reference, batch)
        assert policy.anchors.shape == reference.anchors.shape == (4, VOCABULARY)
        kl = (reference.anchors.exp() * (reference.anchors - policy.anchors)).sum(-1).mean()
        self.divergences.append(kl.item())
        return learned + 5 * kl, {"kl": kl.item()}


def test_anchors_come_with_every_batch_and_teach_nothing(adapt: Adapt) -> None:
    """Without them, a taste learned from thirty thumbs costs what the model knew."""
    anchors = [TokenSample(prompt=(each, 3), response=(4, 5), anchor=True) for each in range(6, 9)]
    objective = Anchored()
    run = train(adapt(QUICK), [*random_samples(8), *anchors], objective, change(anchor_batch=2))
    assert run.samples == 4
    assert objective.divergences[0] == pytest.approx(0, abs=1e-6)
    assert max(objective.divergences) > 0
    assert len(objective.divergences) == len(run.losses)


def equally_long_samples() -> list[TokenSample]:
    """Eight samples of one length: then the mean of two batches' losses is the loss of both together."""
    return [TokenSample(prompt=(each, 1), response=(each + 9, 2, each % 3)) for each in range(8)]


def train_one_of_two(rank: int, folder: str, port: int) -> None:
    """One of two processes that train together; leaves its weights in the folder."""
    os.environ |= {"WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    adapted = attach(small_model(), QUICK)
    learn(adapted, equally_long_samples(), QUICK, validation=random_samples(4, seed=2))
    Path(folder, f"{rank}.safetensors").write_bytes(save(weights(adapted)))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_two_processes_take_the_steps_of_one_with_batches_twice_as_large(adapt: Adapt, tmp_path: Path) -> None:
    """Several GPUs that do not agree on a step would train several models, of which one is saved."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes: Any = torch.multiprocessing
    processes.start_processes(train_one_of_two, (str(tmp_path), port), nprocs=2, start_method="fork")
    one, other = (load((tmp_path / f"{rank}.safetensors").read_bytes()) for rank in range(2))
    assert same(one, other)
    alone = adapt(QUICK)
    learn(alone, equally_long_samples(), change(batch_size=8), validation=random_samples(4, seed=2))
    assert all(torch.allclose(one[name], each, atol=1e-5) for name, each in weights(alone).items())
