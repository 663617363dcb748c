"""For all tests: bots behave as they are set up, unless a test is about learning and says so."""

from __future__ import annotations

import os

# Read by the programs that tests start, too.
os.environ.setdefault("LLMAGENT_OS_POLICY", "fixed")
