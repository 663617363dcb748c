"""Slack, Discord and Telegram on loopback, speaking the platforms' own protocols to the real client libraries.

They serve the tests, the benchmarks, and whoever wants to see a bot on all three without an account.
"""
