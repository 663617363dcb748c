"""The two feedback buttons under a reply: Slack's own ``feedback_buttons`` element.

https://docs.slack.dev/reference/block-kit/block-elements/feedback-buttons-element. Slack shows which one a person has
pressed. A pressed button cannot be released, but the other one can be pressed instead.
"""

from __future__ import annotations

from typing import Any

from llmagent_os.events import PRESSED_DOWN, PRESSED_UP
from llmagent_os.languages import gettext

#: The type of the block's element, and of an action on it.
FEEDBACK = "feedback_buttons"

#: What each button carries, and the emoji of the reaction that a press is.
EMOJI_BY_VALUE = {"positive": PRESSED_UP, "negative": PRESSED_DOWN}


def feedback_block() -> dict[str, Any]:
    """The block with the two buttons."""
    return {
        "type": "context_actions",
        "elements": [
            {
                "type": FEEDBACK,
                "action_id": "feedback",
                "positive_button": _button("👍", gettext("This answer is good"), "positive"),
                "negative_button": _button("👎", gettext("This answer is not good"), "negative"),
            }
        ],
    }


def _button(text: str, read_aloud: str, value: str) -> dict[str, Any]:
    return {
        "text": {"type": "plain_text", "text": text, "emoji": True},
        "accessibility_label": read_aloud,
        "value": value,
    }
