"""Slack: direct messages, channels and threads, over Socket Mode or signed HTTP, through slack-bolt."""

from __future__ import annotations

from llmagent_os.adapters.slack.adapter import SlackAdapter, from_setup

__all__ = ["SlackAdapter", "from_setup"]
