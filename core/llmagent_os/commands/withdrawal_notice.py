"""What a person is told who has taken back what models were trained on."""

from __future__ import annotations


def withdrawal_notice(versions: int) -> str:
    """What becomes of the versions of LoRAs that the person contributed to.

    Args:
        versions: how many these are, at least one.
    """
    these = "One version of my model was" if versions == 1 else f"{versions} versions of my model were"
    return (
        f"{these} trained on you. What was trained for you alone is deleted. The rest is trained again without you, "
        "and goes then."
    )
