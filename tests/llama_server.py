"""Serves a GGUF file with llama.cpp's own server, in a process of its own, until standard input ends.

Usage: ``python -m tests.llama_server FILE PORT [jinja]``. Without ``jinja`` the server refuses tools, as a
``llama-server --no-jinja`` does.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any


def main(file: str, port: int, *, jinja: bool) -> None:
    """Serve until standard input ends."""
    llama: Any = importlib.import_module("xllamacpp")  # has no types
    params = llama.CommonParams()
    params.model.path = file
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_ctx, params.n_parallel = 2048, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.use_jinja, params.warmup = jinja, False
    server = llama.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), jinja="jinja" in sys.argv[3:])
