"""Forms as Slack's modals (``views.open``, https://docs.slack.dev/surfaces/modals)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

from llmagent_os.adapter_kit.forms import FormPlace
from llmagent_os.forms.form import FormField, ShownForm
from llmagent_os.forms.typed_words import read_clock
from llmagent_os.languages import gettext

#: The ``callback_id`` of every form.
FORM = "form"

TITLE_CHARACTERS, LABEL_CHARACTERS, HINT_CHARACTERS, OPTION_CHARACTERS = 24, 200, 150, 75
MAX_TYPED = 3000  #: characters of a text input
#: How long the answer to a form is waited for, in seconds: Slack wants to know within three whether the form is right.
ANSWER_SECONDS = 2.3


class SlackPlace(msgspec.Struct, frozen=True):
    """What a modal carries, so that the adapter knows where it was opened."""

    form: FormPlace
    channel: str
    thread: str | None = None
    response_url: str = ""  #: where the answer can be posted


def modal(form: ShownForm, channel: str, thread: str | None, response_url: str) -> dict[str, Any]:
    """The view for ``form``."""
    place = SlackPlace(FormPlace.of(form), channel, thread, response_url)
    return {
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": msgspec.json.encode(place).decode(),
        "title": _plain(form.title[:TITLE_CHARACTERS]),
        "submit": _plain(gettext("Send")),
        "close": _plain(gettext("Cancel")),
        "blocks": [_block(field) for field in form.fields],
    }


def errors_shown(errors: Mapping[str, str]) -> dict[str, Any]:
    """The answer to a sent form that shows in it what is wrong."""
    return {"response_action": "errors", "errors": dict(errors)}


def _block(field: FormField) -> dict[str, Any]:
    block: dict[str, Any] = {
        "type": "input",
        "block_id": field.key,
        "label": _plain(field.label[:LABEL_CHARACTERS]),
        "element": _element(field) | {"action_id": "typed"},
        "optional": not field.is_needed,
    }
    hint = " ".join(filter(None, (field.error, field.help)))
    return block | ({"hint": _plain(hint[:HINT_CHARACTERS])} if hint else {})


def _element(field: FormField) -> dict[str, Any]:
    default = field.default
    match field.kind:
        case "choice" | "yes_no":
            options = [_option(value, label) for value, label in field.choices]
            chosen = next((each for each in options if each["value"] == default), None)
            return {"type": "static_select", "options": options, **({"initial_option": chosen} if chosen else {})}
        case "date":
            is_day = len(default) == len("2027-01-31") and default[:4].isdecimal()
            placeholder = {"placeholder": _plain(default)} if default and not is_day else {}
            return {"type": "datepicker", **({"initial_date": default} if is_day else placeholder)}
        case "time":
            clock = read_clock(default) if default else None
            return {"type": "timepicker", **({"initial_time": f"{clock:%H:%M}"} if clock is not None else {})}
        case kind:
            initial = {"initial_value": default} if default else {}
            most = min(field.limit, MAX_TYPED)
            return {"type": "plain_text_input", "multiline": kind == "text", "max_length": most, **initial}


def _option(value: str, label: str) -> dict[str, Any]:
    return {"text": _plain(label[:OPTION_CHARACTERS]), "value": value}


def _plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


class _Chosen(msgspec.Struct, frozen=True):
    value: str | None = None


class _Typed(msgspec.Struct, frozen=True):
    value: str | None = None
    selected_option: _Chosen | None = None
    selected_date: str | None = None
    selected_time: str | None = None

    @property
    def text(self) -> str:
        chosen = self.selected_option.value if self.selected_option is not None else None
        return self.value or chosen or self.selected_date or self.selected_time or ""


class _State(msgspec.Struct, frozen=True):
    values: dict[str, dict[str, _Typed]] = {}


class _Block(msgspec.Struct, frozen=True):
    block_id: str = ""


class FilledView(msgspec.Struct, frozen=True):
    """A modal that was sent."""

    id: str
    callback_id: str = ""
    private_metadata: str = ""
    blocks: list[_Block] = []
    state: _State = _State()

    @property
    def typed(self) -> list[tuple[str, str]]:
        """What stands in the fields, by their keys, in order."""
        values = self.state.values
        order = [each.block_id for each in self.blocks if each.block_id in values] or list(values)
        return [(key, next(iter(values[key].values()), _Typed()).text) for key in order]

    def event_id(self, place: FormPlace, key: bytes) -> str:
        """Stands for the form with what is in it: sent twice, or delivered twice, it is the same event.

        The id is kept and logged, so nothing that was typed can be guessed from it. A form of a plugin may be sent
        again with its mistakes mended, so its id depends on what was typed, by a key that is kept elsewhere. Any other
        form, such as that of a password, is sent once, and its id does not depend on what was typed.
        """
        if not place.form:
            return f"form:{self.id}"
        typed = msgspec.json.encode(self.typed)
        return f"form:{self.id}:{hmac.digest(key, typed, 'sha256').hex()[:16]}"
