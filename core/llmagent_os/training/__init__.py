"""How models are changed: LoRA fine-tuning. Torch is imported here and in ``serving``, nowhere else."""
