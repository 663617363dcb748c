"""Slack: direct messages, channels and threads, over Socket Mode or signed HTTP requests, through slack-bolt.

Nothing is imported here, so that the setup guide (``llmagent-os setup slack``) works without the library.
"""
