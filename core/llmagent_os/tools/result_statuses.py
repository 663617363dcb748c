"""The statuses of tool results that mean something beyond their plugin."""

from __future__ import annotations

#: The status of a result that stands for a failed tool. Its text is sent as it is.
FAILED = "failed"

#: The status of a result that asks before it acts. "Yes" does what its text says, so no model may rephrase the text.
CONFIRM = "confirm"
