"""What this project uses of transformers. To infer the types of its source takes longer than to check the project."""

from typing import Any, Self

import torch

def __getattr__(name: str) -> Any: ...

class Qwen3ForCausalLM(torch.nn.Module):
    config: Any
    model: Any
    lm_head: Any
    device: torch.device
    def __init__(self, config: Any) -> None: ...
    def half(self) -> Self: ...
    def save_pretrained(self, save_directory: Any, **options: Any) -> None: ...
