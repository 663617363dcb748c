"""From 20 or 32 thumbs to a personal LoRA: the share of fresh replies in the liked style, drift, facts and seconds.

    python -m benchmarks.distillation MODEL --pool pool.json --thumbs 20 --flips 0 --seeds 0 1 2 [--method distil]

``MODEL`` is a folder or a name, as ``smollm2``. People with hidden tastes judge replies to questions about some topics;
the LoRA is tested on questions about other topics. The judges share no feature with the reward model: a naive Bayes
classifier of character trigrams, made from replies about a third set of topics, and for terse replies the number of
characters. Before the thumbs a behaviour policy is taken to have found the liked style half of the time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from llmagent_os.chat import ChatRequest
from llmagent_os.identity import PersonId
from llmagent_os.llm import LLM
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.training.anchor_samples import write_anchors
from llmagent_os.training.control_prompts import ANCHORS, CONTROLS, is_right
from llmagent_os.training.distillation import choose
from llmagent_os.training.lora import attach
from llmagent_os.training.objectives.objective_choice import objective_of
from llmagent_os.training.reward_model import Opinion, RewardModel, fit_reward_model
from llmagent_os.training.style_candidates import OWN, Candidate, Question, instructions, write_candidates
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_loop import train
from llmagent_os.training.training_settings import settings_of

FORMS = (
    "How do I start with {}?",
    "Give me a tip about {}.",
    "What matters most in {}?",
    "I would like to be better at {}. What helps?",
)
ASKED = "baking bread|chess|gardening|budgeting|yoga|job interviews"
TESTED = "skiing|writing poems|recycling|camping|public speaking|meditation"
JUDGED = "cooking soup|hiking|drawing|small talk|keeping a diary|time management"
DIMENSIONS = {
    "length": {"normal": "", "short": "Answer in one short sentence."},
    "form": {"prose": "", "points": "Answer only with a bulleted list."},
    "tone": {"plain": "", "polite": "Be very formal and polite.", "lively": "Be cheerful and enthusiastic!"},
}
TASTES = ("terse", "formal", "lower_case", "bullets", "cheerful")
TOKENS = 32  #: most tokens of a reply
SHORT = 110  #: characters, for the taste in terse replies


def questions(topics: str) -> list[str]:
    found = [form.format(topic) for topic in topics.split("|") for form in FORMS]
    random.Random(len(topics)).shuffle(found)
    return found


def asked(text: str) -> Question:
    return Question(messages=({"role": "user", "content": text},), origin=text)


class Judge:
    """Whether a reply is in a style: multinomial naive Bayes on character trigrams, or the number of characters."""

    def __init__(self, taste: str, pool: Sequence[Sequence[Candidate]]) -> None:
        self.taste = taste
        liked = [each.text for replies in pool for each in replies if each.style == taste]
        others = [each.text for replies in pool for each in replies if each.style in (OWN, "sober")]
        counts = [Counter(gram for text in texts for gram in self._grams(text)) for texts in (liked, others)]
        known = set(counts[0]) | set(counts[1])
        totals = [sum(each.values()) + len(known) for each in counts]
        self._evidence = {
            gram: float(np.log((counts[0][gram] + 1) / totals[0]) - np.log((counts[1][gram] + 1) / totals[1]))
            for gram in known
        }

    @staticmethod
    def _grams(text: str) -> list[str]:
        begin = f"^^{text}"  # the beginning of a reply says more than a trigram in it
        return [begin[at : at + 3] for at in range(len(begin) - 2)]

    def __call__(self, text: str) -> bool:
        if self.taste == "terse":
            return 0 < len(text) <= SHORT
        return sum(self._evidence.get(gram, 0.0) for gram in self._grams(text)) > 0


class Thumbs(NamedTuple):
    """What one simulated person has reacted to."""

    texts: list[str]
    asked: list[str]
    liked: list[bool]


def react(judge: Judge, pool: Sequence[Sequence[Candidate]], count: int, flips: float, seed: int) -> Thumbs:
    """Have a person react to replies: at first in all styles, from the ninth on half of them in the liked one."""
    order = random.Random(f"{judge.taste}:{seed}")
    thumbs = Thumbs([], [], [])
    styles = sorted({each.style for replies in pool for each in replies})
    for number in range(count):
        wanted = judge.taste if number >= 8 and order.random() < 0.5 else order.choice(styles)
        place = order.choice([at for at, replies in enumerate(pool) if any(c.style == wanted for c in replies)])
        reply = order.choice([each for each in pool[place] if each.style == wanted])
        thumbs.texts.append(reply.text)
        thumbs.asked.append(questions(ASKED)[place])
        thumbs.liked.append(judge(reply.text) != (order.random() < flips))
    return thumbs


def opinions(thumbs: Thumbs, person: str) -> list[Opinion]:
    return [
        Opinion(text=text, reward=1.0 if liked else -1.0, person=PersonId(person))
        for text, liked in zip(thumbs.texts, thumbs.liked, strict=True)
    ]


class Bench:
    """One model, and what is measured on it."""

    def __init__(self, name: str, precision: str) -> None:
        dtype = "bfloat16" if precision == "bf16" else "float32"
        self.llm = LLM.from_pretrained(name, dtype=dtype, threads=1, timeout=3600.0)
        self.location = self.llm.location
        tokenizer = load_tokenizer(self.location)
        model = load_model(self.location)
        self.vocabulary = vocabulary_of(model, tokenizer)
        self.template = ChatTemplate(tokenizer, self.vocabulary)
        self.anchors: list[TokenSample] = []
        self.controls: list[TokenSample] = []

    async def prepare(self) -> None:
        self.anchors = await write_anchors(self.llm, ANCHORS, max_tokens=16)
        self.controls = await write_anchors(self.llm, [each.text for each in CONTROLS], max_tokens=16)

    def sample(self, question: str, text: str) -> TokenSample:
        messages = [{"role": "user", "content": question}, {"role": "assistant", "content": text}]
        prompt = self.vocabulary.encode(self.template.prompt(messages[:1], ()))
        response = self.vocabulary.encode(text)
        return TokenSample(prompt=tuple(prompt), response=(*response, self.vocabulary.end_id))

    async def answer(self, texts: Sequence[str], lora: str, temperature: float, seed: int) -> list[str]:
        requests = [
            ChatRequest(
                messages=[{"role": "user", "content": text}],
                lora=lora,
                max_tokens=TOKENS,
                temperature=temperature,
                seed=seed + at if temperature else None,
            )
            for at, text in enumerate(texts)
        ]
        return [each.text.strip() for each in await asyncio.gather(*map(self.llm.complete, requests))]

    async def facts(self, lora: str) -> float:
        replies = await self.answer([each.text for each in CONTROLS], lora, 0.0, 0)
        return sum(is_right(control, reply) for control, reply in zip(CONTROLS, replies, strict=True)) / len(CONTROLS)

    @torch.inference_mode()
    def drift(self, adapted: Any) -> float:
        """Mean KL(base || adapted) at the tokens that the base says on the control prompts, in nats a token."""
        total, tokens = 0.0, 0
        for each in self.controls:
            row = torch.tensor([[*each.prompt, *each.response]])
            places = slice(len(each.prompt) - 1, -1)
            new = torch.log_softmax(adapted(row).logits[0, places].float(), -1)
            with adapted.disable_adapter():
                old = torch.log_softmax(adapted(row).logits[0, places].float(), -1)
            total += float((old.exp() * (old - new)).sum())
            tokens += len(each.response)
        return total / tokens


def chosen_samples(
    bench: Bench, method: str, thumbs: Thumbs, model: RewardModel, pool: Sequence[Sequence[Candidate]]
) -> tuple[list[TokenSample], str]:
    """What a method learns from, and the style that it has chosen most often."""
    if method == "distil":
        found = choose([asked(text) for text in questions(ASKED)], pool, model)
        said = [(str(each.messages[0]["content"]), str(each.messages[1]["content"])) for each in found.examples]
        summary = f"{next(iter(found.styles))} {next(iter(found.styles.values()))}/{len(pool)}"
        return [bench.sample(*each) for each in said] + bench.anchors, summary
    rated = [
        TokenSample(prompt=sample.prompt, response=sample.response, reward=1.0 if liked else -1.0)
        for question, text, liked in zip(thumbs.asked, thumbs.texts, thumbs.liked, strict=True)
        for sample in [bench.sample(question, text)]
    ]
    return rated, f"{sum(thumbs.liked)} liked"


async def measure(
    bench: Bench,
    options: argparse.Namespace,
    taste: str,
    seed: int,
    pool: Sequence[Sequence[Candidate]],
    judges: dict[str, Judge],
) -> dict[str, Any]:
    """Train one person's LoRA and measure it."""
    judge = judges[taste]
    thumbs = react(judge, pool, options.thumbs, options.flips, seed)
    others = [
        each
        for other in TASTES
        if other != taste
        for each in opinions(react(judges[other], pool, 20, options.flips, seed + 100), other)
    ]
    begun = time.process_time()
    model = fit_reward_model([*opinions(thumbs, taste), *others], PersonId(taste))
    samples, summary = chosen_samples(bench, options.method, thumbs, model, pool)
    settings = settings_of(
        {
            "method": options.method,
            "seed": seed,
            "threads": 1,
            "kl_weight": options.kl_weight,
            "epochs": options.epochs,
            "learning_rate": options.learning_rate,
            "stop_at_loss": 0.0,
        },
        preset="smollm2",
    )
    adapted = attach(load_model(bench.location), settings, None)
    run = train(adapted, samples, objective_of(settings), settings)
    seconds = time.process_time() - begun
    with tempfile.TemporaryDirectory() as folder:
        adapted.save_pretrained(folder, save_embedding_layers=False)
        tests = questions(TESTED)
        before = [judge(each) for each in await bench.answer(tests, "base", 0.7, 1000 * seed)]
        replies = await bench.answer(tests, folder, 0.7, 1000 * seed)
        after = [judge(each) for each in replies]
        facts = await bench.facts(folder)
    return {
        "taste": taste,
        "method": options.method,
        "thumbs": options.thumbs,
        "liked": sum(thumbs.liked),
        "flips": options.flips,
        "seed": seed,
        "before": float(np.mean(before)),
        "after": float(np.mean(after)),
        "drift": bench.drift(adapted.float()),
        "facts": facts,
        "steps": len(run.losses),
        "cpu_seconds": seconds,
        "chosen": summary,
        "surest": list(model.tastes())[:3],
        "sample": replies[0],
        "warnings": run.warnings,
    }


async def make_pool(bench: Bench, topics: str, seed: int, *, instructed: bool) -> list[list[Candidate]]:
    asks = [asked(text) for text in questions(topics)]
    return await write_candidates(
        bench.llm, asks, instructions(DIMENSIONS) if instructed else {}, max_tokens=TOKENS, temperature=0.7, seed=seed
    )


async def main(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    bench = Bench(options.model, options.precision)
    await bench.prepare()
    if not options.pool.exists():
        begun = time.process_time()
        pools = {
            name: await make_pool(bench, topics, at, instructed=options.instructed)
            for at, (name, topics) in enumerate({"asked": ASKED, "judged": JUDGED}.items())
        }
        written = {
            name: [[{"style": each.style, "text": each.text} for each in replies] for replies in pool]
            for name, pool in pools.items()
        }
        options.pool.write_text(json.dumps(written, indent=1))
        print(f"candidates: {time.process_time() - begun:.0f} CPU s", flush=True)
    kept = {
        name: [[Candidate(**each) for each in replies] for replies in pool]
        for name, pool in json.loads(options.pool.read_text()).items()
    }
    judges = {taste: Judge(taste, kept["judged"]) for taste in TASTES}
    for taste, judge in judges.items():
        right = {
            style: float(
                np.mean([judge(each.text) for replies in kept["asked"] for each in replies if each.style == style])
            )
            for style in (taste, OWN)
        }
        print(
            f"judge of {taste}: likes {right[taste]:.2f} of its style, {right[OWN]:.2f} of the model's own", flush=True
        )
    print(f"facts before: {await bench.facts('base'):.2f}", flush=True)
    for seed in options.seeds:
        for taste in options.tastes:
            print(json.dumps(await measure(bench, options, taste, seed, kept["asked"], judges)), flush=True)
    await bench.llm.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--pool", type=Path, required=True, help="a file of candidates; it is written if it is missing")
    parser.add_argument("--method", default="distil", choices=("distil", "sft", "kto"))
    parser.add_argument("--instructed", action="store_true", help="also bring the model to styles by instructions")
    parser.add_argument("--thumbs", type=int, default=20)
    parser.add_argument("--flips", type=float, default=0.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--tastes", nargs="+", default=list(TASTES))
    parser.add_argument("--kl-weight", type=float, default=1.0)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--precision", default="bf16")
    asyncio.run(main(parser.parse_args()))
