"""Probes of the small model of two tones, with the bot's ordinary work as anchors: what a bot's makers should give."""

from __future__ import annotations

from tests.chatty_model import TALK, facts, other_talk, request_probes, tasks
from tests.tiny_model import calendar_chats

__all__ = ["anchor_prompts", "facts", "other_talk", "request_probes", "tasks"]


def anchor_prompts() -> tuple[str, ...]:
    """Give requests and talk, of which the probes ask none. A test changes what is said to thanks."""
    asked = {str(probe.messages[-1]["content"]) for probe in request_probes("", ())}
    requests = (str(chat[0]["content"]) for chat in calendar_chats(60, 9) if chat[-1].get("tool_calls"))
    talk = (said for prompts in list(TALK)[1:] for said in prompts[:4])
    return tuple(dict.fromkeys(each for each in (*requests, *talk) if each not in asked))
