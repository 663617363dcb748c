"""What a person is told who has taken back what models were trained on."""

from __future__ import annotations

from collections.abc import Iterable

from llmagent_os.identity import Identity
from llmagent_os.languages import gettext, ngettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.reply.services import Services
from llmagent_os.training.consent_check import take_back_withdrawn


def withdrawal_notice(versions: int) -> str:
    """What becomes of the versions of LoRAs that the person contributed to.

    Args:
        versions: how many these are, at least one.
    """
    return ngettext(
        "One version of my model was trained on you. What was trained for you alone is deleted. The rest is trained "
        "again without you, and goes then.",
        "{count} versions of my model were trained on you. What was trained for you alone is deleted. The rest is "
        "trained again without you, and goes then.",
        versions,
    )


async def withdrawn_by_links(services: Services, accounts: Iterable[Identity]) -> str:
    """Take back what accounts gave, where linking or unlinking has turned learning off for them.

    Returns:
        A sentence for the person; empty where nothing was trained on them, or they are still learned from.
    """
    if services.loras is None:
        return ""
    versions = await take_back_withdrawn(services.directory, services.loras, accounts)
    if not versions:
        return ""
    return join_sentences([gettext("Learning is turned off for these accounts."), withdrawal_notice(versions)])
