"""Markdown, as a language model writes it, in the dialect of every chat platform and in messages that fit.

>>> render("**Lunch** with _Ana_ & [Ben](https://ben.example)", SLACK)
'*Lunch* with _Ana_ &amp; <https://ben.example|Ben>'
>>> render("**Lunch** with _Ana_ & [Ben](https://ben.example)", PLAIN)
'Lunch with Ana & Ben (https://ben.example)'
"""

from __future__ import annotations

from llmagent_os.markup.dialect import Dialect
from llmagent_os.markup.discord import DISCORD
from llmagent_os.markup.plain import PLAIN
from llmagent_os.markup.slack import SLACK
from llmagent_os.markup.splitting import MIN_LIMIT, pieces, render
from llmagent_os.markup.telegram import TELEGRAM

__all__ = ["DISCORD", "MIN_LIMIT", "PLAIN", "SLACK", "TELEGRAM", "Dialect", "pieces", "render"]
