"""The plugin API. ``docs/plugins.md`` builds a first plugin in five minutes.

A plugin is a class with typed, documented, asynchronous tools that a language model may call:

>>> import random
>>> class Dice(Plugin):
...     name = "dice"
...
...     @tool()
...     async def roll_die(self, context: ToolContext, sides: int = 6) -> ToolResult:
...         '''Roll a die.'''
...         rolled = random.Random(context.call_id).randint(1, sides)
...         return ToolResult({"status": "rolled", "value": str(rolled)}, f"You rolled a {rolled}.")

The type hints become the JSON schema that the model sees. The docstring becomes the description, and its ``Args:``
section describes the arguments. An argument with a default may be left out.
What a plugin may do besides, such as timers and buttons, is in :class:`~llmagent_os.plugin.tool_source.ToolSource`.
:class:`~llmagent_os.tools.registry.Plugins` finds and calls plugins.
"""

from llmagent_os.adapter import Button, Card, Picture, Table
from llmagent_os.adapter_kit.pages import PageRequest, PageResponse
from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.contacts import Contact
from llmagent_os.credentials.credential import Credential, CredentialError, Credentials, GivenCredential, OAuthServer
from llmagent_os.forms.form import Form, FormErrors, FormField
from llmagent_os.forms.form_values import FormValues
from llmagent_os.graphics.chart import Chart, ChartSeries
from llmagent_os.plugin.base import Plugin, RuleArgument, Span, tool
from llmagent_os.plugin.tool_source import (
    ASKED_EFFECTS,
    RECEIVING_SECONDS,
    Effect,
    Tool,
    ToolContext,
    ToolMark,
    ToolResult,
    ToolSource,
    Visitor,
    WebAccess,
    form_button,
    joined_results,
)

__all__ = [
    "ASKED_EFFECTS",
    "RECEIVING_SECONDS",
    "Button",
    "Card",
    "Chart",
    "ChartSeries",
    "Contact",
    "Credential",
    "CredentialError",
    "Credentials",
    "Effect",
    "Form",
    "FormErrors",
    "FormField",
    "FormValues",
    "GivenCredential",
    "OAuthServer",
    "PageRequest",
    "PageResponse",
    "Picture",
    "Plugin",
    "RuleArgument",
    "Span",
    "Table",
    "Tool",
    "ToolCall",
    "ToolContext",
    "ToolMark",
    "ToolResult",
    "ToolSource",
    "ToolSpec",
    "Visitor",
    "WebAccess",
    "form_button",
    "joined_results",
    "tool",
]
