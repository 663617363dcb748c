"""What is kept about the constraint of a reply, so that training can tell which masks shaped it."""

from __future__ import annotations

import msgspec

#: Version of the rules by which masks are made from a record and a chat. A change of any mask raises this number.
#: By rules 1, at a temperature above 0, tool calls were drawn as words are.
MASK_RULES_VERSION = 2


class ConstraintRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The constraint that one reply was decoded under.

    A record names the constraint; it does not hold it. To make the masks again, training needs three more things: the
    model's tokenizer, the tools whose hash the record has, and the messages that it points to. A record without tools
    is a reply of plain text, in which only markup is masked.

    >>> ConstraintRecord(rules=2, tools="f55e", call_above=0.65, copied_from=(2,)).text
    '{"rules":2,"tools":"f55e","call_above":0.65,"copied_from":[2]}'
    """

    rules: int  #: :data:`MASK_RULES_VERSION` when the reply was written
    #: :func:`~llmagent_os.chat.tools_sha256` of the tools that the call grammar was made from; empty: no tool
    tools: str = ""
    call_above: float | None = None  #: least probability, at temperature 1, for a call to be opened; ``None``: any
    #: places in the chat of the messages that arguments with ``x-span`` are copied from, the latest first; empty: no
    #: argument is a copy
    copied_from: tuple[int, ...] = ()
    #: least probability, at temperature 1, of a token that is drawn, as a share of the likeliest token's; ``None``: any
    min_p: float | None = None
    #: nothing was masked and every token was drawn, those of tool calls too: so does a server
    unmasked: bool = False

    @property
    def text(self) -> str:
        """The record as JSON on one line. Equal records give equal text."""
        return msgspec.json.encode(self).decode()
