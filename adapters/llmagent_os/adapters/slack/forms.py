"""Forms as Slack's modals (``views.open``, https://docs.slack.dev/surfaces/modals)."""

from __future__ import annotations

from typing import Any

import msgspec

from llmagent_os.adapter_kit.forms import Form

#: The ``callback_id`` of every form.
FORM = "form"

TITLE_CHARACTERS, LABEL_CHARACTERS, HINT_CHARACTERS = 24, 200, 150


class FormPlace(msgspec.Struct, frozen=True):
    """What a modal carries, so that the adapter knows what it was opened for."""

    command: str
    before: str  #: begins the command's arguments
    channel: str
    response_url: str = ""  #: where the answer can be posted


def modal(form: Form, channel: str, response_url: str) -> dict[str, Any]:
    """The view for ``form``."""
    place = FormPlace(form.command, form.before, channel, response_url)
    blocks = [
        {
            "type": "input",
            "block_id": str(number),
            "label": _plain(field.label[:LABEL_CHARACTERS]),
            "element": {"type": "plain_text_input", "action_id": "typed"},
            **({"hint": _plain(field.hint[:HINT_CHARACTERS])} if field.hint else {}),
        }
        for number, field in enumerate(form.fields)
    ]
    return {
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": msgspec.json.encode(place).decode(),
        "title": _plain(form.title[:TITLE_CHARACTERS]),
        "submit": _plain("Send"),
        "close": _plain("Cancel"),
        "blocks": blocks,
    }


def _plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


class _Typed(msgspec.Struct, frozen=True):
    value: str | None = None


class _State(msgspec.Struct, frozen=True):
    values: dict[str, dict[str, _Typed]] = {}


class FilledView(msgspec.Struct, frozen=True):
    """A modal that was sent."""

    id: str
    callback_id: str = ""
    private_metadata: str = ""
    state: _State = _State()

    @property
    def typed(self) -> list[str]:
        """What stands in the fields, in order."""
        values = self.state.values
        return [next(iter(values[each].values()), _Typed()).value or "" for each in sorted(values, key=_number)]


def _number(block_id: str) -> int:
    return int(block_id) if block_id.isdecimal() else 0
