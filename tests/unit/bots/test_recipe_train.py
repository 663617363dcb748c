"""Training takes hours on a small machine: it must go on where it was stopped, and say early what is wrong."""

from __future__ import annotations

import errno
import itertools
import json
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors import SafetensorError

from llmagent_os.bots.calendar.recipe.batches import IGNORED_TARGET, Batch, batches, endless
from llmagent_os.bots.calendar.recipe.checkpoint import TrainingError, TrainingStopped, replacing
from llmagent_os.bots.calendar.recipe.command import command, stop_signals
from llmagent_os.bots.calendar.recipe.dialogues import Writer, load_writer
from llmagent_os.bots.calendar.recipe.export import install
from llmagent_os.bots.calendar.recipe.hyperparameters import Recipe
from llmagent_os.bots.calendar.recipe.network import loss_of, new_model
from llmagent_os.bots.calendar.recipe.optimizers import Optimizers, learning_rate_factor
from llmagent_os.bots.calendar.recipe.tokenizer import train_tokenizer
from llmagent_os.bots.calendar.recipe.train import train
from llmagent_os.errors import ConfigError
from llmagent_os.llm import LLM
from tests.toy_run import TOY, one_thread


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="module")
def writer() -> Writer:
    return load_writer()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, writer: Writer) -> Path:
    """The folder of a toy run that was never interrupted."""
    folder = tmp_path_factory.mktemp("finished")
    train(folder, TOY, writer=writer)
    return folder


@pytest.fixture
def begun(finished: Path, tmp_path: Path) -> Path:
    """A folder with the same tokenizer, so that it need not be learned again."""
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(finished / "tokenizer.json", folder)
    return folder


def after(steps: int, error: Exception | None = None) -> Callable[[], bool]:
    """Asks to stop after so many steps, or breaks off there with ``error``."""
    counted = itertools.count(1)

    def stopping() -> bool:
        due = next(counted) >= steps
        if due and error:
            raise error
        return due

    return stopping


def log(folder: Path) -> list[dict[str, Any]]:
    """What a run's log says, without the time that it took."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def same(folder: Path, other: Path) -> bool:
    """Whether two runs came to the same, bit for bit."""
    files = [path.relative_to(folder) for path in sorted((folder / "model").iterdir())]
    return log(folder) == log(other) and all((folder / f).read_bytes() == (other / f).read_bytes() for f in files)


def test_it_learns(finished: Path) -> None:
    """The loss falls; nothing else matters if it does not."""
    lines = log(finished)
    assert [line["step"] for line in lines] == [4, 8, 9], "validated at every 4 steps and at the end, never beyond"
    assert lines[-1]["validation"] < lines[0]["validation"] < 6.0
    assert lines[-1]["train"] < lines[0]["train"]


@pytest.mark.parametrize("steps", [1, 3, 4])
def test_stopped_and_gone_on_it_is_the_same_run(finished: Path, begun: Path, writer: Writer, steps: int) -> None:
    """Stopped between two checkpoints, inside a group, or right at one: nothing is lost and nothing repeated."""
    with pytest.raises(TrainingStopped, match=f"after step {steps} of 9"):
        train(begun, TOY, writer=writer, stopping=after(steps))
    train(begun, TOY, writer=writer)
    assert same(begun, finished)


def test_killed_it_goes_on_from_its_last_checkpoint(finished: Path, begun: Path, writer: Writer) -> None:
    """A machine that went down between two checkpoints costs the steps since the last, and nothing more."""
    with pytest.raises(InterruptedError):
        train(begun, TOY, writer=writer, stopping=after(6, InterruptedError()))
    with (begun / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 8, "train": 1.0, "validation": 1.0}\n{"step": 9, "tra')  # written after the checkpoint
    train(begun, TOY, writer=writer)
    assert same(begun, finished)


def test_a_finished_run_is_not_trained_further(finished: Path, tmp_path: Path, writer: Writer) -> None:
    """Run again, the command gives the same model; it used to be trained beyond its steps."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    shutil.rmtree(folder / "model")
    train(folder, TOY, writer=writer)
    assert same(finished, folder)


def test_a_folder_is_of_one_recipe(begun: Path, writer: Writer) -> None:
    """Going on with other numbers would give a model that no recipe makes."""
    with pytest.raises(TrainingStopped):
        train(begun, TOY, writer=writer, stopping=after(1))
    other = msgspec.structs.replace(TOY, steps=20, seed=3)
    with pytest.raises(ConfigError, match=r"was begun with seed=0 and not 3, steps=9 and not 20: use another folder"):
        train(begun, other, writer=writer)


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def test_a_damaged_file_is_named(begun: Path, writer: Writer) -> None:
    """A half-copied checkpoint or tokenizer must not end in a traceback about headers."""
    with pytest.raises(TrainingStopped):
        train(begun, TOY, writer=writer, stopping=after(1))
    damage(begun / "state.safetensors")
    with pytest.raises(TrainingError, match=r"state\.safetensors is damaged or of another model .* delete it to train"):
        train(begun, TOY, writer=writer)
    damage(begun / "tokenizer.json")
    with pytest.raises(
        TrainingError, match=r"tokenizer\.json is damaged .*: delete it, and the same file is made again"
    ):
        train(begun, TOY, writer=writer)


def test_a_checkpoint_of_another_model_is_refused(begun: Path, finished: Path, writer: Writer) -> None:
    """Copied into a folder of another size, it would train from a mixture."""
    shutil.copy(finished / "state.safetensors", begun)
    with pytest.raises(TrainingError, match="of another model"):
        train(begun, msgspec.structs.replace(TOY, layers=1), writer=writer)


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    """Hours of training must survive the moment when there is no room left."""
    path = tmp_path / "state"
    path.write_text("good")
    for error in (OSError(errno.ENOSPC, "No space left on device"), SafetensorError("I/O error: No space left")):
        with (
            pytest.raises(TrainingError, match=r"cannot be written \(.*No space left.*free some space"),
            replacing(path) as new,
        ):
            new.write_text("half")
            raise error
    assert path.read_text() == "good"
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_a_model_that_cannot_be_written_is_named(begun: Path, writer: Writer) -> None:
    """Each of the libraries that write it has its own error for a full disk or a folder that is not one."""
    (begun / "model").write_text("in the way")
    with pytest.raises(TrainingError, match=r"run.model cannot be written .*run the same command again"):
        train(begun, TOY, writer=writer)
    (begun / "model").unlink()
    train(begun, TOY, writer=writer)
    assert log(begun)[-1]["step"] == TOY.steps


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, writer: Writer) -> None:
    """--out below a file is a slip of the hand."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        train(tmp_path / "file" / "run", TOY, writer=writer)


def test_a_loss_that_is_no_number_ends_it(begun: Path, writer: Writer) -> None:
    """A diverged run must not overwrite the good checkpoint, nor go on for hours."""
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) at step 4: begin again"):
        train(begun, msgspec.structs.replace(TOY, adamw_lr=1e30, muon_lr=1e30), writer=writer)
    assert not (begun / "state.safetensors").exists()


def test_transformers_and_the_agent_load_the_model(finished: Path) -> None:
    """What comes out is a model folder as any other, for vLLM and PEFT as well as for the bot."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = str(finished / "model")
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    assert model.dtype == torch.bfloat16
    assert (model.config.eos_token_id, model.config.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": "hello"}], tokenize=False)
    assert prompt == "<|im_start|>user\nhello<|im_end|>\n"
    llm = LLM.from_pretrained(folder)
    try:
        assert llm.card.native, "the agent would explain everything to it, in words that it does not know"
        assert llm.generate("hello", max_tokens=3).token_ids
    finally:
        llm.close()


def test_installing_replaces_a_whole_model(finished: Path, tmp_path: Path) -> None:
    """Half a model in the package would leave the bot without any."""
    home = install(finished / "model", tmp_path / "model")
    assert {path.name for path in home.iterdir()} == {path.name for path in (finished / "model").iterdir()}
    (tmp_path / "half").mkdir()
    shutil.copy(home / "config.json", tmp_path / "half")
    with pytest.raises(ConfigError, match=r"not a complete model: model\.safetensors, tokenizer\.json"):
        install(tmp_path / "half", home)


def test_padding_and_company_change_nothing(writer: Writer) -> None:
    """A conversation is learned the same alone and in a batch with longer ones, and as one text without a prefix."""
    tokenizer = train_tokenizer(["a text for letters"], vocab_size=300)
    model = new_model(TOY)
    batch = max(batches(writer, tokenizer, TOY, 0), key=lambda each: len(each.ids))
    assert len(batch.ids) > 1
    losses: list[torch.Tensor] = []
    for ids, targets in zip(batch.ids, batch.targets, strict=True):
        length = int(ids.count_nonzero())
        whole = torch.cat([batch.prefix, ids[:length]])[None]
        logits = model(input_ids=whole).logits[0, len(batch.prefix) :]
        wanted = targets[:length] != IGNORED_TARGET
        losses.append(torch.nn.functional.cross_entropy(logits[wanted], targets[:length][wanted], reduction="sum"))
    mean = torch.stack(losses).sum() / (batch.targets != IGNORED_TARGET).sum()
    torch.testing.assert_close(loss_of(model, batch, bf16=False), mean, rtol=1e-4, atol=1e-4)


def test_the_prefix_is_learned_from_every_row(writer: Writer) -> None:
    """The shared prompt is computed once: its gradient must be that of all rows together."""
    tokenizer = train_tokenizer(["a text for letters"], vocab_size=300)
    batch = max(batches(writer, tokenizer, TOY, 0), key=lambda each: len(each.ids))
    counts = (batch.targets != IGNORED_TARGET).sum(1)

    def gradients(*parts: Batch) -> list[torch.Tensor]:
        model = new_model(TOY)
        for part in parts:
            share = (part.targets != IGNORED_TARGET).sum() / counts.sum()
            cast("Any", loss_of(model, part, bf16=False) * share).backward()
        return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]

    rows = [
        Batch(batch.prefix, ids[None], targets[None]) for ids, targets in zip(batch.ids, batch.targets, strict=True)
    ]
    for together, apart in zip(gradients(batch), gradients(*rows), strict=True):
        torch.testing.assert_close(together, apart, rtol=1e-3, atol=1e-5)


def test_batches_go_on_where_they_were(writer: Writer) -> None:
    """The position in the data is part of a checkpoint; it must lead to the very next batch."""
    tokenizer = train_tokenizer(["a text for letters"], vocab_size=300)
    first = list(itertools.islice(endless(writer, tokenizer, TOY, 0, 0), 20))
    assert {group for _, group, _ in first} > {0}
    for index, (_, group, number) in enumerate(first[:-1]):
        batch, _, _ = next(endless(writer, tokenizer, TOY, group, number))
        assert torch.equal(batch.ids, first[index + 1][0].ids)
        assert torch.equal(batch.prefix, first[index + 1][0].prefix)


def test_a_batch_keeps_to_its_size(writer: Writer) -> None:
    """More tokens than planned are more memory than there is."""
    tokenizer = train_tokenizer(["a text for letters"], vocab_size=300)
    drawn = batches(writer, tokenizer, TOY, 0)
    assert sum(len(batch.ids) for batch in drawn) == TOY.group
    assert all(batch.ids.numel() <= TOY.tokens or len(batch.ids) == 1 for batch in drawn)
    assert all(batch.ids.shape == batch.targets.shape for batch in drawn)


def test_every_weight_is_trained_by_one_optimizer() -> None:
    """One that is in neither stays as it was drawn; one in both is pushed twice."""
    model = new_model(TOY)
    held = [id(p) for each in Optimizers(model, TOY).each for group in each.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(parameter) for parameter in model.parameters())


def test_the_rate_rises_stays_and_falls() -> None:
    """The last steps have to be small ones, or the model stays as rough as it is in the middle."""
    recipe = Recipe(steps=100, warmup=10, decay=0.5)
    rates = [learning_rate_factor(step, recipe) for step in range(100)]
    assert rates[:3] == [0.1, 0.2, 0.3]
    assert rates[10:50] == [1.0] * 40
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert 0 < rates[-1] < 0.03


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"steps": 0}', "steps"),
        ('{"steps": "many"}', "steps"),
        ('{"stepz": 3}', "stepz"),
        ("[]", "object"),
        ("{", "cannot be read"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(tmp_path: Path, text: str, why: str) -> None:
    """A misspelled number that is silently left out trains something else, for hours."""
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(ConfigError, match=why):
        Recipe.read(tmp_path / "recipe.json")


def test_a_recipe_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """The report, and going on, read what the run wrote."""
    TOY.write(tmp_path / "recipe.json")
    assert Recipe.read(tmp_path / "recipe.json") == TOY


def run(folder: Path, *options: str) -> Result:
    TOY.write(folder.parent / "toy.json")
    options = ("--out", str(folder), "--recipe", str(folder.parent / "toy.json"), "--messages", "2", *options)
    return CliRunner().invoke(command, options)


def test_the_command_trains_and_reports(begun: Path) -> None:
    """`llmagent-os train calendar` from nothing to a model and a report, in one go."""
    result = run(begun, "--steps", "4", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert (begun / "model" / "model.safetensors").is_file()
    assert (begun / "report" / "README.md").is_file()
    assert f"llmagent-os chat --model {begun / 'model'}" in result.output
    assert Recipe.read(begun / "recipe.json").steps == 4


def test_the_command_stops_politely(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C after an hour must not cost the hour; the exit code is that of Ctrl-C."""
    saved: list[int] = []

    def interrupted(*_: Any, stopping: Callable[[], bool], **__: Any) -> Path:
        assert not stopping()
        signal.raise_signal(signal.SIGINT)
        saved.append(stopping())
        raise TrainingStopped("stopped after step 3 of 9; the same command resumes there")

    monkeypatch.setattr("llmagent_os.bots.calendar.recipe.train.train", interrupted)
    result = run(begun)
    assert result.exit_code == 130
    assert "the same command resumes" in result.output
    assert saved == [True]


def test_the_command_refuses_a_gpu_that_is_not_there(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said at once, and not as a traceback from deep inside torch."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    error = run(begun, "--device", "cuda").exception
    assert isinstance(error, ConfigError)
    assert "torch finds no GPU" in str(error)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_a_second_one_breaks_off(number: signal.Signals) -> None:
    """The first stops at the next whole step; whoever is in a hurry presses again."""
    before = signal.getsignal(number)
    with stop_signals() as stopped:
        assert stopped() is None
        signal.raise_signal(number)
        assert stopped() == number
        assert signal.getsignal(number) is before
    assert signal.getsignal(number) is before


def test_training_works_outside_the_main_thread() -> None:
    """Python lets no other thread listen to signals; that is no reason to fail."""
    seen: list[int | None] = []

    def target() -> None:
        with stop_signals() as stopped:
            seen.append(stopped())

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    assert seen == [None]
