"""Makes an example of a message that plugins' rules misread: the call that a model should have made in their place."""

from __future__ import annotations

import msgspec

from llmagent_os.chat import ToolCall
from llmagent_os.ledger import Interaction
from llmagent_os.training.calls_by_rules import call_by_rules, shown_part
from llmagent_os.training.misread_by_rules import misread_words
from llmagent_os.training.recorded_turn import turn_of
from llmagent_os.training.training_example import CORRECTED, TrainingExample


def misread_example(example: TrainingExample, interaction: Interaction, meant: ToolCall) -> TrainingExample | None:
    """Return the example of the call that was meant. None: rules have read no single call, or nobody's words.

    Args:
        example: the words that the model put the rules' result into, with the chat before them. The rules' call and its
            result are the last turns of that chat: no model is to learn what it says after them.
        interaction: the reply.
        meant: the call that the person's words should have led to.
    """
    read = call_by_rules(interaction)
    spoken = [at for at, turn in enumerate(example.messages) if turn["role"] == "user" and turn.get("spoken", True)]
    if read is None or not spoken:
        return None
    wrong = shown_part(read, example.tools)
    is_known = any(tool.name == wrong.name for tool in example.tools)
    return msgspec.structs.replace(
        example,
        messages=(*example.messages[: spoken[-1] + 1], turn_of("", (meant,))),
        origin=example.origin + CORRECTED,
        episode="",  # it was not said: no turn before it led there
        reward=abs(example.reward),
        rejected=turn_of("", (wrong,)) if is_known else None,
        logged=None,
        of_wording=False,
        misread=misread_words(str(example.messages[spoken[-1]].get("content") or ""), wrong, meant),
    )
