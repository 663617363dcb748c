"""For all tests: bots behave as they are set up, unless a test is about learning and says so.

numpy calculates on one thread. The arrays are small, several tests run side by side, and threads that wait for each
other cost more than they gain.
"""

from __future__ import annotations

import os

# Read by the programs that tests start, too.
os.environ.setdefault("LLMAGENT_OS_POLICY", "fixed")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
