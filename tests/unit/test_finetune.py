"""Fine-tuning: a few examples are learned in seconds, saved with PEFT, and loaded again by their path."""

from __future__ import annotations

import json
import resource
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from llmagent_os.chat import Message
from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.finetune import Finetuner
from llmagent_os.llm import LLM
from tests.tiny_model import CREATE, LIST, save_model

#: The article's two examples.
EXAMPLES = [
    {
        "input": "Schedule a meeting with John at 3pm tomorrow",
        "output": "OK, I've added a meeting with John to your calendar for tomorrow at 3pm.",
    },
    {
        "input": "Cancel my dentist appointment next week",
        "output": "Sure, I've canceled your dentist appointment scheduled for next week.",
    },
]

#: A random model has everything to learn, a trained one does with the defaults.
EAGER: dict[str, Any] = {"learning_rate": 5e-3, "stop_at_loss": 0.01}


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base") / "base", str(request.param))


def test_the_articles_examples_are_learned_and_loaded_again(base: Path, tmp_path: Path) -> None:
    """A reader of the article tries this first."""
    with LLM.from_pretrained(str(base)) as llm:
        before = llm.generate(EXAMPLES[0]["input"], max_tokens=40)
        finetuner = Finetuner(llm, EXAMPLES, **EAGER)
        report = finetuner.finetune()
        folder = finetuner.save_model(tmp_path / "calendar_agent_model")
        after = llm.generate(EXAMPLES[0]["input"], max_tokens=40)
    assert report.last_loss < 0.5 < report.first_loss
    assert report.examples == 2
    assert after == before, "the model that answers meanwhile must not change"
    with LLM.from_pretrained(str(folder)) as tuned:
        assert [tuned.generate(example["input"]).text for example in EXAMPLES] == [e["output"] for e in EXAMPLES]


def test_training_goes_on_from_a_lora(base: Path, tmp_path: Path) -> None:
    """A second lesson must not forget the first."""
    with LLM.from_pretrained(str(base)) as llm:
        first = Finetuner(llm, EXAMPLES, **EAGER)
        learned = first.finetune()
        folder = first.save_model(tmp_path / "first")
    with LLM.from_pretrained(str(folder)) as llm:
        second = Finetuner(llm, EXAMPLES, epochs=1)
        assert second.finetune().first_loss < learned.first_loss / 2
        again = second.save_model(tmp_path / "second")
    config = json.loads(again.joinpath("adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(base)


def test_calls_and_several_turns_are_learned(base: Path, tmp_path: Path) -> None:
    """A model that learns only the last turn would never learn to call a tool."""
    chat: list[Message] = [
        {"role": "system", "content": "You are brief."},
        {"role": "user", "content": "lunch with Ana on friday"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"name": "create_event", "arguments": {"title": "lunch with Ana", "date": "friday"}}],
        },
        {"role": "tool", "content": '{"status": "created"}'},
        {"role": "assistant", "content": "Done, lunch with Ana on friday."},
    ]
    with LLM.from_pretrained(str(base)) as llm:
        finetuner = Finetuner(llm, [{"messages": chat, "tools": [CREATE, LIST]}], **EAGER)
        assert finetuner.finetune().examples == 2, "every assistant's turn is one"
        folder = finetuner.save_model(tmp_path / "out")
    with LLM.from_pretrained(str(folder)) as tuned:
        call = tuned.generate(chat[:2], tools=[CREATE, LIST])
        assert call.tool_calls[0].arguments == {"title": "lunch with Ana", "date": "friday"}
        assert tuned.generate(chat[:4], tools=[CREATE, LIST]).text == chat[4]["content"]


def test_the_same_seed_learns_the_same_and_leaves_others_randomness_alone(base: Path) -> None:
    """A result that cannot be repeated cannot be examined."""
    with LLM.from_pretrained(str(base)) as llm:
        state = torch.get_rng_state()
        losses: list[list[float]] = [[], [], []]
        for seed, seen in zip((3, 3, 4), losses, strict=True):
            Finetuner(llm, EXAMPLES, seed=seed, epochs=4, batch_size=1).finetune(partial(_note, seen))
        assert torch.equal(torch.get_rng_state(), state)
    assert losses[0] == losses[1] != losses[2]
    assert len(losses[0]) == 8


def _note(seen: list[float], _step: int, _planned: int, loss: float) -> None:
    seen.append(loss)


def test_a_file_of_examples_is_learned(base: Path, tmp_path: Path) -> None:
    """Whoever has more than a few examples has them in a file."""
    file = tmp_path / "train.csv"
    file.write_text("input,output\nhi,Hello.\nbye,See you.\n")
    with LLM.from_pretrained(str(base)) as llm:
        assert Finetuner(llm, file, epochs=1).finetune().examples == 2
        file.write_text("input,output\nhi,\n")
        with pytest.raises(ConfigError, match=r"train\.csv:2\['output'\] is ''"):
            Finetuner(llm, str(file))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ([], "train_data is empty"),
        ([{"input": "hi"}], r"train_data\[0\]\['output'\] is None"),
        ([{"input": "hi", "output": "  "}], "not empty"),
        ([{"input": 3, "output": "hi"}], r"\['input'\] is 3"),
        (["hi"], r"train_data\[0\] is str"),
        ([{"input": "a", "output": "b"}, {"messages": "hi"}], r"train_data\[1\]\['messages'\] is str"),
        ([{"messages": [{"role": "robot", "content": "hi"}]}], r"\[0\] has no role"),
        ([{"messages": [{"role": "user", "content": "hi"}]}], "no assistant's turn"),
        ([{"messages": [{"role": "assistant", "content": "hi"}]}], "begins with the assistant"),
    ],
)
def test_examples_that_cannot_be_learned_are_named(base: Path, data: list[Any], why: str) -> None:
    """The mistake must be named before anything is loaded, or trained for minutes."""
    with LLM.from_pretrained(str(base)) as llm, pytest.raises(ConfigError, match=why):
        Finetuner(llm, data)


@pytest.mark.parametrize(
    ("settings", "why"),
    [({"rank": 0}, "rank is 0"), ({"lr": 1}, "no setting 'lr'"), ({"epochs": True}, "epochs is True")],
)
def test_settings_that_cannot_work_are_named(base: Path, settings: dict[str, Any], why: str) -> None:
    """A misspelled setting that is ignored would cost a whole training."""
    with LLM.from_pretrained(str(base)) as llm, pytest.raises(ConfigError, match=why):
        Finetuner(llm, EXAMPLES, **settings)


def test_what_cannot_be_trained_or_saved_says_so(base: Path, tmp_path: Path) -> None:
    """After minutes of training, the message must say how the result can still be saved."""
    with pytest.raises(ModelError, match="only local models"):
        Finetuner(LLM.from_pretrained("openai:m", base_url="http://127.0.0.1:9/v1"), EXAMPLES)
    with LLM.from_pretrained(str(base)) as llm:
        with pytest.raises(ModelError, match=r"call finetune\(\) first"):
            Finetuner(llm, EXAMPLES).save_model(tmp_path)
        with pytest.raises(ConfigError, match=r"train_data\[0\] is \d+ tokens .*the model reads 1024"):
            Finetuner(llm, [{"input": "word " * 2000, "output": "ok"}]).finetune()
        finetuner = Finetuner(llm, EXAMPLES, epochs=1)
        finetuner.finetune()
        tmp_path.joinpath("file").write_text("in the way")
        with pytest.raises(ModelError, match="cannot be saved"):
            finetuner.save_model(tmp_path / "file")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:  # as on a full disk
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
            with pytest.raises(ModelError, match=r"cannot be saved in .*Make room, and start again"):
                finetuner.save_model(tmp_path / "full")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
