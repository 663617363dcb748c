"""What ``/profile`` says about what the policy has learned of a person."""

from __future__ import annotations

from llmagent_os.modules.taste_words import liked, persona_in_words
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.services import Services

#: A taste is reported only if it is at least this many times as likely as by chance, and if the person's own feedback
#: has made its odds this many times what is believed of a newcomer: the prior is nothing that was learned.
REPORT_ODDS = 1.2

#: The report says how many rewards are not learned yet from this number on. A few are learned within a second.
SAID_BEHIND = 100


async def taste_report(services: Services, exchange: Exchange) -> str:
    """What the person's reactions have taught so far, in words; empty where nothing is learned.

    Args:
        services: has the policy's worker.
        exchange: the command; it has the person's profile.
    """
    worker, profile = services.policy_worker, exchange.profile
    if worker is None:
        return ""
    if not exchange.may_learn:
        return "I do not learn from your reactions: `/profile learning on` changes that."
    behind = _behind(worker.behind)
    reacted, replies = await worker.reply_counts(profile.user_id)
    if not replies:
        nothing = "From your reactions I have learned nothing yet: 👍 and 👎 tell me how you like to be answered."
        return f"{nothing}{behind}"
    source = "your reactions on" if reacted == replies else "how you took"
    how_many = "one reply" if replies == 1 else f"{replies} replies"
    await worker.load(profile.user_id)
    dimensions = services.behavior.dimensions
    lines = [f"From {source} {how_many} I have learned that you like:"]
    for name, taste in worker.tastes(profile.user_id).items():
        values, asked = tuple(dimensions[name]), profile.preferences.get(name, "")
        if asked in values:
            lines.append(f"- {liked(name, asked)} (you told me so)")
        elif taste.chance * len(values) < REPORT_ODDS or taste.odds_learned < REPORT_ODDS:
            lines.append(f"- {' or '.join(values).replace('_', ' ')}: I cannot tell yet")
        else:
            lines.append(f"- {liked(name, taste.value)} ({taste.chance:.0%} sure)")
    if services.personas is not None and (persona := services.personas.group_of(profile.user_id)):
        lines.append(
            f"So I count you among the {persona_in_words(persona)}: a version of my model may be trained on what you "
            "all like, and answer you."
        )
    styles = styles_of(services)
    example = "brief" if "brief" in styles else styles[-1].replace("_", " ")
    return "\n".join(
        [*lines, "", f"`/profile set {example}` corrects it, and taking reactions off unlearns it.{behind}"]
    )


def _behind(rewards: int) -> str:
    """What is said while the policy has not learned everything yet. ``/profile`` does not wait for it."""
    if rewards < SAID_BEHIND:
        return ""
    return f" I am still learning from about {rewards:,} reactions of everybody, so this may change a little."


def styles_of(services: Services) -> list[str]:
    """Every value that a person can ask for."""
    return [value for values in services.behavior.dimensions.values() for value in values]
