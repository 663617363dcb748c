"""Draws which conversations a canary answers. Whoever serves and whoever tests a canary ask here, and so agree."""

from __future__ import annotations

from hashlib import sha256


def draws_canary(version: str, conversation: str, share: float) -> bool:
    """Whether a canary answers a conversation. All replies of a conversation are of the same version.

    The id decides by a hash, which is as good as a draw because nobody chooses ids by it.

    Args:
        version: the canary's name or folder: another canary draws other conversations.
        conversation: the conversation's key.
        share: the share of conversations that it answers, in [0, 1].

    >>> sum(draws_canary("v", str(number), 0.2) for number in range(1000))
    210
    """
    drawn = int.from_bytes(sha256(f"{version.rpartition('/')[2]} {conversation}".encode()).digest()[:8])
    return drawn < share * 2**64
