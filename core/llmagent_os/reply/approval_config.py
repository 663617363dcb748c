"""``[approvals]`` in ``bot.toml``: when people are asked before a call that a model chose is made."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from llmagent_os.plugin import Effect

#: ``never``: the call is made at once. ``first``: the person is asked, until they say that the tool may always act.
#: ``each``: the person is asked every time.
Asking = Literal["never", "first", "each"]

_STRICTNESS: tuple[Asking, ...] = ("never", "first", "each")


class ApprovalConfig(BaseModel):
    """When people are asked, by what a tool does. Calls that rules read in a person's words, and buttons, never ask."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    changes: Asking = "never"  #: tools that change what the person keeps
    destructive: Literal["first", "each"] = "first"  #: tools that lose something which cannot be brought back
    outward: Literal["first", "each"] = "first"  #: tools that reach others
    tools: dict[str, Literal["first", "each"]] = {}  #: by a tool's name, where it is to be asked about more often

    def asking(self, tool: str, effect: Effect) -> Asking:
        """When people are asked before ``tool`` is called: the stricter of what its name and its effect say.

        >>> ApprovalConfig(tools={"send_mail": "each"}).asking("send_mail", "outward")
        'each'
        >>> ApprovalConfig(outward="each", tools={"send_mail": "first"}).asking("send_mail", "outward")
        'each'
        >>> ApprovalConfig().asking("read_mail", "reads")
        'never'
        """
        by_effect: dict[Effect, Asking] = {
            "reads": "never",
            "changes": self.changes,
            "destructive": self.destructive,
            "outward": self.outward,
        }
        by_name: Asking = self.tools.get(tool, "never")
        return max((by_effect[effect], by_name), key=_STRICTNESS.index)
