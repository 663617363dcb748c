"""Changes models: LoRA fine-tuning. Only this package and ``serving`` import torch."""
