"""Says which style would have been right, where somebody named what was wrong with a reply: "too long", "too formal".

Such a reason says more than a 👎. Of the model's own replies to the same question, those in the wanted style are
expected to be liked, and those in the other styles of that dimension are not. That is written as opinions for the
reward model. Where the model cannot be brought to the style, both sides have the same wording and cancel out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from llmagent_os.policy_worker.reason_styles import wanted_styles
from llmagent_os.training.reward_model import Opinion
from llmagent_os.training.style_candidates import OWN, Candidate, Question
from llmagent_os.training.training_example import TrainingExample


def wanted_opinions(
    examples: Sequence[TrainingExample],
    questions: Sequence[Question],
    written: Sequence[Sequence[Candidate]],
    styles: Collection[str],
    usual: Collection[str] = (),
) -> list[Opinion]:
    """Write what reasons say of the model's own replies as opinions. A reason weighs one opinion on either side.

    Args:
        examples: judged replies, with reasons.
        questions: what was asked.
        written: the model's replies to each question, in every style.
        styles: all styles of the bot.
        usual: the styles of the bot's defaults, which the model's own replies have.
    """
    replies = {question.origin: each for question, each in zip(questions, written, strict=True)}
    found: list[Opinion] = []
    for example in examples:
        wanted = wanted_styles(example.reason, example.action, styles) if example.reason is not None else None
        if wanted is None:
            continue
        said = str(example.messages[-1].get("content") or "")
        others = [each for each in replies.get(example.origin, ()) if each.text != said and not each.calls]
        right = [each.text for each in others if _in(each, wanted.right, usual)]
        wrong = [each.text for each in others if _in(each, wanted.wrong, usual)]
        if right:
            weight = example.weight * abs(example.reward)
            found += _opinions(example, right, 1.0, weight) + _opinions(example, wrong, -1.0, weight)
    return found


def _in(reply: Candidate, styles: frozenset[str], usual: Collection[str]) -> bool:
    return reply.style in styles or (reply.style == OWN and not styles.isdisjoint(usual))


def _opinions(example: TrainingExample, texts: Sequence[str], reward: float, weight: float) -> list[Opinion]:
    """One opinion, shared out among replies. What the person asks for counts as judged; what they do not want, not."""
    return [
        Opinion(text=text, reward=reward, weight=weight / len(texts), person=example.person, given=reward > 0)
        for text in texts
    ]
