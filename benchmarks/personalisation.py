"""Ways to answer people as each of them likes it, side by side on the same simulated people, without a host.

    python -m benchmarks.personalisation smollm2 --pool pool.json [--thumbs 20] [--seeds 0] [--tastes formal terse]

People with hidden tastes judge replies to questions about some topics; what is measured is fresh replies to questions
about other topics. The people, their topics and their judges are those of ``benchmarks/distillation.py``: the judges
share no feature with the reward model. Three people share each taste. One of them is measured; the reactions of the
other two are the group's, and those of everybody are what is shared.

Without weights: ``instruction`` (the person could say in words what they like, and the model is told), ``few-shot``
(three liked replies of theirs are shown to the model), ``policy alone`` (of the instructions that the bot has, the one
whose replies this person liked most often). With weights: the reward model and distillation of this project from
everybody's reactions (``shared``), the group's and the person's own; SFT on the liked replies; TRL's KTO and its
unpaired APO-zero; and RAFT: the best of eight samples of the model's own, by the same reward model, learned by SFT.

Drift is KL(base || LoRA) on control prompts, in nats a token; facts are the share of control questions answered right.
Seconds are CPU seconds of one thread, from the reactions to what answers. One line of JSON a measurement, then a table.
Needs TRL for two of the rows: ``pip install "llmagent-os[benchmarks]"``; without it they are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from benchmarks.distillation import (
    ASKED,
    DIMENSIONS,
    JUDGED,
    TESTED,
    TOKENS,
    Bench,
    Judge,
    Thumbs,
    asked,
    make_pool,
    opinions,
    questions,
    react,
)

from llmagent_os.chat import ChatRequest, Message
from llmagent_os.identity import PersonId
from llmagent_os.serving.model_loading import load_model, load_tokenizer
from llmagent_os.training.control_prompts import CONTROLS, is_right
from llmagent_os.training.distillation import choose
from llmagent_os.training.lora import attach
from llmagent_os.training.objectives.objective_choice import objective_of
from llmagent_os.training.reward_model import Opinion, RewardModel, fit_reward_model
from llmagent_os.training.style_candidates import Candidate, instructions
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_loop import train
from llmagent_os.training.training_settings import settings_of

#: What a person would say if asked what they like.
IN_WORDS = {
    "terse": "Answer in one very short sentence.",
    "formal": "Begin with 'Dear Sir or Madam' and write formally, without contractions.",
    "lower_case": "Write everything in lower case.",
    "bullets": "Answer with a list: begin every line with a dash.",
    "cheerful": "End every sentence with an exclamation mark!",
}
SHOWN = 3  #: liked replies that the model is shown
SAMPLES = 8  #: of RAFT, a question
#: The rows of the table, in order.
WAYS = (
    "base",
    "instruction",
    "few-shot",
    "policy alone",
    "shared",
    "group",
    "personal",
    "SFT",
    "TRL KTO",
    "TRL APO",
    "RAFT",
)

Pool = Sequence[Sequence[Candidate]]


class Person(NamedTuple):
    """Whom a way is measured on, and what there is to learn from."""

    taste: str
    judge: Judge
    thumbs: Thumbs  #: the person's own
    group: list[Opinion]  #: of the others with the same taste
    everybody: list[Opinion]  #: of people with other tastes


class Answers(NamedTuple):
    """How the model is asked once a way has learned: what stands before the question, and with which LoRA."""

    before: list[Message]
    lora: Any = None  #: the model with its LoRA; None: the base


def make_person(taste: str, seed: int, judges: dict[str, Judge], pool: Pool, options: argparse.Namespace) -> Person:
    def reacted(whose: str, number: int) -> Thumbs:
        return react(judges[whose], pool, options.thumbs, options.flips, 100 * seed + number)

    group = [each for number in (1, 2) for each in opinions(reacted(taste, number), f"{taste}-{number}")]
    others = [
        each
        for other in options.tastes
        if other != taste
        for number in (0, 1, 2)
        for each in opinions(reacted(other, number), f"{other}-{number}")
    ]
    return Person(taste, judges[taste], reacted(taste, 0), group, others)


# ── without weights ───────────────────────────────────────────────────────────────────────────────────────────────────


def told(words: str) -> list[Message]:
    return [{"role": "system", "content": words}] if words else []


def shown(person: Person) -> list[Message]:
    turns: list[Message] = []
    liked = [at for at, good in enumerate(person.thumbs.liked) if good]
    for at in liked[-SHOWN:]:
        turns.append({"role": "user", "content": person.thumbs.asked[at]})
        turns.append({"role": "assistant", "content": person.thumbs.texts[at]})
    return turns


def best_instruction(person: Person, pool: Pool) -> str:
    """The instruction whose replies the person has liked most often, by the mean of Beta(1 + likes, 1 + dislikes)."""
    styles = {each.text: each.style for replies in pool for each in replies}
    known = instructions(DIMENSIONS)
    counts = {style: [1, 1] for style in known}
    for text, liked in zip(person.thumbs.texts, person.thumbs.liked, strict=True):
        if (style := styles.get(text, "")) in counts:
            counts[style][0 if liked else 1] += 1
    best = max(counts, key=lambda style: counts[style][0] / sum(counts[style]))
    return known[best]


# ── with weights ──────────────────────────────────────────────────────────────────────────────────────────────────────


def reward_model(way: str, person: Person) -> RewardModel:
    own = opinions(person.thumbs, "measured")
    if way == "shared":
        return fit_reward_model([*own, *person.group, *person.everybody], None, average=True)
    if way == "group":
        return fit_reward_model(
            [*own, *person.group], None, prior=fit_reward_model(person.everybody, None), average=True
        )
    return fit_reward_model([*own, *person.group, *person.everybody], PersonId("measured"))


def rated(bench: Bench, person: Person) -> list[TokenSample]:
    return [
        TokenSample(prompt=each.prompt, response=each.response, reward=1.0 if liked else -1.0)
        for question, text, liked in zip(person.thumbs.asked, person.thumbs.texts, person.thumbs.liked, strict=True)
        for each in [bench.sample(question, text)]
    ]


async def best_samples(bench: Bench, model: RewardModel, seed: int) -> list[TokenSample]:
    """RAFT: of some samples of the model's own to each question the one that the reward model likes best."""
    asks = questions(ASKED)
    said = [await bench.answer(asks, "base", 1.0, 10_000 * seed + 1000 * number) for number in range(SAMPLES)]
    found: list[TokenSample] = []
    for at, question in enumerate(asks):
        texts = [replies[at] for replies in said if replies[at]]
        if texts:
            found.append(bench.sample(question, texts[int(np.argmax(model.score(texts).liked))]))
    return found


def settings_for(method: str, seed: int) -> Any:
    values = {"method": method, "seed": seed, "threads": 1, "epochs": 5, "stop_at_loss": 0.0}
    return settings_of(values, preset="smollm2")


def trained(bench: Bench, samples: Sequence[TokenSample], method: str, seed: int) -> Any:
    settings = settings_for(method, seed)
    adapted = attach(load_model(bench.location), settings, None)
    train(adapted, list(samples), objective_of(settings), settings)
    return adapted


def trained_by_trl(bench: Bench, person: Person, loss: str, seed: int) -> Any:
    """TRL's KTOTrainer on the same reactions, with the same LoRA, batch, learning rate and epochs as SFT here."""
    trl, datasets = import_module("trl"), import_module("datasets")
    settings = settings_for("sft", seed)
    adapted = attach(load_model(bench.location), settings, None)
    tokenizer = load_tokenizer(bench.location)
    chats = zip(person.thumbs.asked, person.thumbs.texts, person.thumbs.liked, strict=True)
    rows = [
        {
            "prompt": [{"role": "user", "content": question}],
            "completion": [{"role": "assistant", "content": text}],
            "label": bool(liked),
        }
        for question, text, liked in chats
    ]
    with tempfile.TemporaryDirectory() as folder:
        arguments = trl.KTOConfig(
            output_dir=folder,
            loss_type=loss,
            num_train_epochs=5,
            per_device_train_batch_size=4,
            learning_rate=settings.learning_rate,
            max_length=256,
            train_sampling_strategy="sequential",
            gradient_checkpointing=False,
            bf16=True,
            use_cpu=True,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            seed=seed,
        )
        trainer = trl.KTOTrainer(
            model=adapted, args=arguments, train_dataset=datasets.Dataset.from_list(rows), processing_class=tokenizer
        )
        trainer.train()
        return trainer.model


async def learn(way: str, bench: Bench, person: Person, pool: Pool, seed: int) -> Answers:
    if way == "base":
        return Answers([])
    if way == "instruction":
        return Answers(told(IN_WORDS[person.taste]))
    if way == "few-shot":
        return Answers(shown(person))
    if way == "policy alone":
        return Answers(told(best_instruction(person, pool)))
    if way in ("shared", "group", "personal"):
        found = choose([asked(text) for text in questions(ASKED)], pool, reward_model(way, person))
        said = [(str(each.messages[0]["content"]), str(each.messages[1]["content"])) for each in found.examples]
        samples = [bench.sample(*each) for each in said]
        return Answers([], trained(bench, [*samples, *bench.anchors], "distil", seed) if samples else None)
    if way == "SFT":
        return Answers([], trained(bench, rated(bench, person), "sft", seed))
    if way == "RAFT":
        best = await best_samples(bench, reward_model("personal", person), seed)
        return Answers([], trained(bench, best, "sft", seed))
    loss = {"TRL KTO": "kto", "TRL APO": "apo_zero_unpaired"}[way]
    return Answers([], trained_by_trl(bench, person, loss, seed))


# ── what is measured ──────────────────────────────────────────────────────────────────────────────────────────────────


async def replies(
    bench: Bench, before: list[Message], texts: Sequence[str], lora: str, temperature: float, seed: int
) -> list[str]:
    requests = [
        ChatRequest(
            messages=[*before, {"role": "user", "content": text}],
            lora=lora,
            max_tokens=TOKENS,
            temperature=temperature,
            seed=seed + at if temperature else None,
        )
        for at, text in enumerate(texts)
    ]
    return [each.text.strip() for each in await asyncio.gather(*map(bench.llm.complete, requests))]


async def measure(way: str, bench: Bench, person: Person, pool: Pool, seed: int) -> dict[str, Any]:
    begun = time.process_time()
    answers = await learn(way, bench, person, pool, seed)
    seconds = time.process_time() - begun
    with tempfile.TemporaryDirectory() as folder:
        if answers.lora is not None:
            answers.lora.save_pretrained(folder, save_embedding_layers=False)
        lora = "base" if answers.lora is None else folder
        said = await replies(bench, answers.before, questions(TESTED), lora, 0.7, 1000 * seed)
        controls = await replies(bench, answers.before, [each.text for each in CONTROLS], lora, 0.0, 0)
    return {
        "way": way,
        "taste": person.taste,
        "seed": seed,
        "liked_thumbs": sum(person.thumbs.liked),
        "liked": float(np.mean([person.judge(each) for each in said])),
        "drift": bench.drift(answers.lora.float()) if answers.lora is not None else None,
        "facts": float(np.mean([is_right(each, reply) for each, reply in zip(CONTROLS, controls, strict=True)])),
        "cpu_seconds": round(seconds, 1),
        "sample": said[0],
    }


async def make_pools(bench: Bench) -> list[list[list[Candidate]]]:
    """Candidates in every style for the questions that are reacted to, and edits alone for those that judges learn."""
    made = enumerate(((ASKED, True), (JUDGED, False)))
    return [await make_pool(bench, topics, at, instructed=instructed) for at, (topics, instructed) in made]


def write_pools(file: Path, pools: Sequence[Pool]) -> None:
    kept = [[[{"style": each.style, "text": each.text} for each in row] for row in pool] for pool in pools]
    file.write_text(json.dumps(kept, indent=1))


def read_pools(file: Path) -> list[list[list[Candidate]]] | None:
    if not file.exists():
        return None
    kept = json.loads(file.read_text())
    return [[[Candidate(**each) for each in row] for row in pool] for pool in kept]


def table(found: Sequence[dict[str, Any]]) -> str:
    lines = ["| way | liked | drift | facts | CPU s |", "| --- | ---: | ---: | ---: | ---: |"]
    for way in WAYS:
        rows = [each for each in found if each["way"] == way]
        if rows:
            drift = [each["drift"] for each in rows if each["drift"] is not None]
            figures = [f"{np.mean([each[name] for each in rows]):.2f}" for name in ("liked", "facts")]
            seconds = np.mean([each["cpu_seconds"] for each in rows])
            lines.append(
                f"| {way} | {figures[0]} | {np.mean(drift):.3f} | {figures[1]} | {seconds:.0f} |"
                if drift
                else f"| {way} | {figures[0]} | | {figures[1]} | {seconds:.0f} |"
            )
    return "\n".join(lines)


async def main(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    bench = Bench(options.model, "bf16")
    await bench.prepare()
    pools = read_pools(options.pool)
    if pools is None:
        pools = await make_pools(bench)
        write_pools(options.pool, pools)
    asked_pool, judged_pool = pools
    judges = {taste: Judge(taste, judged_pool) for taste in options.tastes}
    ways = [way for way in options.ways if find_spec("trl") or not way.startswith("TRL")]
    if len(ways) < len(options.ways):
        print("TRL is not installed: its rows are left out", flush=True)
    found: list[dict[str, Any]] = []
    for seed in options.seeds:
        for taste in options.measured or options.tastes:
            person = make_person(taste, seed, judges, asked_pool, options)
            for way in ways:
                found.append(await measure(way, bench, person, asked_pool, seed))
                print(json.dumps(found[-1]), flush=True)
    print(table(found))
    await bench.llm.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a folder or an installed model, such as smollm2")
    parser.add_argument("--pool", type=Path, required=True, help="a file of candidates; it is written if it is missing")
    parser.add_argument("--thumbs", type=int, default=20)
    parser.add_argument("--flips", type=float, default=0.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--tastes", nargs="+", default=["formal", "terse", "bullets"], help="of everybody")
    parser.add_argument("--measured", nargs="+", default=[], help="whose people are measured; none: all")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    asyncio.run(main(parser.parse_args()))
