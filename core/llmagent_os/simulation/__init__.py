"""Simulated people who talk to a bot through the real host, and react, until its weights have learned their tastes."""
