"""Does a bot that draws its words learn what one that always says the likeliest never could?

    python -m benchmarks.exploration --rounds 6

The tests' small model is asked without any instruction about its tone. It answers plainly, and now and then playfully.
In every round it answers each question, and playful replies get 👍, all others 👎. The model is then trained with
``reinforce`` on all logged replies so far, each with the log-probabilities that it was drawn with, from the LoRA of the
round before. What is printed is the share of playful replies to questions that nothing was trained on.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from tests.chatty_model import TALK, TOOLS, save_chatty_model

from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.errors import ConfigError
from llmagent_os.llm import LLM
from llmagent_os.modules.behavior import system_text
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.training.completion_batch import complete_all
from llmagent_os.training.lora import attach, save_adapter
from llmagent_os.training.objectives.objective_choice import objective_of
from llmagent_os.training.preprocessing import preprocess
from llmagent_os.training.training_example import LoggedTokens, TrainingExample
from llmagent_os.training.training_loop import train
from llmagent_os.training.training_settings import settings_of

LIKED = {replies["playful"] for replies in TALK.values()}
ASKED = [said for prompts in TALK for said in prompts[:6]]
HELD_OUT = [said for prompts in TALK for said in prompts[6:]]
#: How often a held-out question is answered, to count what is playful.
MEASURED_DRAWS = 8


class Rule(msgspec.Struct, frozen=True):
    """How words are drawn."""

    temperature: float
    min_p: float


def request(said: str, rule: Rule, lora: Path | None, seed: int) -> ChatRequest:
    """Ask without an instruction about the tone."""
    return ChatRequest(
        messages=[{"role": "system", "content": system_text({})}, {"role": "user", "content": said}],
        tools=TOOLS,
        lora=str(lora) if lora else "base",
        temperature=rule.temperature,
        min_p=rule.min_p,
        seed=seed,
        max_tokens=24,
    )


def example(asked: ChatRequest, reply: Completion) -> TrainingExample:
    """A reply with what was thought of it, as the ledger has it."""
    return TrainingExample(
        messages=(*asked.messages, {"role": "assistant", "content": reply.text}),
        tools=TOOLS,
        origin="benchmark",
        reward=1.0 if reply.text in LIKED else -1.0,
        logged=LoggedTokens(
            prompt_token_ids=reply.prompt_token_ids,
            token_ids=reply.token_ids,
            logprobs=reply.logprobs,
            temperature=reply.temperature,
            constraint=reply.constraint,
            model_hash=reply.model_hash,
            lora_version=reply.lora_version,
        ),
    )


async def answers(llm: LLM, texts: Sequence[str], rule: Rule, lora: Path | None, seed: int) -> list[TrainingExample]:
    """Answer every text in words."""
    asked = [request(said, rule, lora, seed + at) for at, said in enumerate(texts)]
    replies = await complete_all(llm, asked)
    pairs = zip(asked, replies, strict=True)
    return [example(ask, reply) for ask, reply in pairs if isinstance(reply, Completion) and not reply.tool_calls]


def trained(
    llm: LLM, examples: Sequence[TrainingExample], start: Path | None, folder: Path, seed: int
) -> dict[str, Any]:
    """Train a round; gives the figures of the last step."""
    location = llm.location
    if location is None:
        raise ConfigError("a local model is needed")
    tokenizer, model = load_tokenizer(location), load_model(location)
    vocabulary = vocabulary_of(model, tokenizer)
    samples = preprocess(
        examples, ChatTemplate(tokenizer, vocabulary), vocabulary, model.config.max_position_embeddings
    )
    settings = settings_of({"method": "reinforce", "epochs": 4, "seed": seed, "kl_weight": 0.02, "threads": 1})
    adapted = attach(model, settings, start)
    figures: dict[str, Any] = {}
    train(adapted, samples, objective_of(settings), settings, on_step=lambda at: figures.update(at.metrics))
    save_adapter(adapted, tokenizer, location, folder)
    return {"samples": len(samples), "drawn": sum(bool(each.drawn) for each in samples)} | figures


def share(examples: Sequence[TrainingExample]) -> float:
    """The share of replies that are liked."""
    return sum(each.reward > 0 for each in examples) / max(len(examples), 1)


async def run(model: Path, rule: Rule, rounds: int, seed: int, folder: Path) -> None:
    """Talk and train in turns, and print a line a round."""
    ledger: list[TrainingExample] = []
    lora: Path | None = None
    for number in range(rounds + 1):
        async with LLM.from_pretrained(str(model), slots=16, threads=1) as llm:
            fresh = await answers(
                llm, HELD_OUT * (MEASURED_DRAWS if rule.temperature else 1), rule, lora, 10_000 + seed
            )
            likeliest = await answers(llm, HELD_OUT, Rule(0.0, 0.0), lora, 0)
            print(
                f"temperature {rule.temperature:g}, min_p {rule.min_p:g}, seed {seed}, after {len(ledger)} opinions: "
                f"liked {share(fresh):.2f} as drawn, {share(likeliest):.2f} at temperature 0",
                flush=True,
            )
            if number == rounds:
                return
            said = await answers(llm, ASKED, rule, lora, 1000 * (seed * 100 + number))
            ledger += said
            after = folder / f"{rule.temperature}-{rule.min_p}-{seed}-{number}"
            try:
                figures = await asyncio.to_thread(trained, llm, ledger, lora, after, seed)
            except ConfigError as error:
                print(f"  nothing is learned: {error}", flush=True)
                continue
            lora = after
            words = len({each.messages[-1]["content"] for each in said})
            print(f"  {words} different replies, {share(said):.2f} liked; trained on {figures}", flush=True)


def main() -> None:
    """Run every rule with every seed."""
    parser = argparse.ArgumentParser(description="Does drawing words find what people like?")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--model", type=Path, help="a folder with the model; it is made there if it is missing")
    parser.add_argument("--rules", nargs="+", default=["0,0", "0.6,0.2", "1,0.05"], help="temperature,min_p")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        model = given.model or Path(made) / "model"
        if not model.exists():
            save_chatty_model(model)
        for rule in given.rules:
            temperature, floor = map(float, rule.split(","))
            for seed in range(given.seeds):
                asyncio.run(run(model, Rule(temperature, floor), given.rounds, seed, Path(made)))


if __name__ == "__main__":
    main()
