"""Slack: direct messages, channels and threads, over Socket Mode or signed HTTP, through slack-bolt.

The adapter is in ``adapter``; importing this package alone loads no client, so that its guide is quick.
"""
