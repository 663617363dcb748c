"""Everything of transformers is untyped here: to infer its types takes pyright longer than to check the project."""

from typing import Any

def __getattr__(name: str) -> Any: ...
