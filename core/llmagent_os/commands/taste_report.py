"""What ``/profile`` says about what the policy has learned of a person."""

from __future__ import annotations

from llmagent_os.languages import gettext, list_text, ngettext, number_text
from llmagent_os.languages.written_phrases import choice_text, join_sentences
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
        return gettext("I do not learn from your reactions: `/profile learning on` changes that.")
    behind = _behind(worker.behind)
    reacted, replies = await worker.reply_counts(profile.user_id)
    if not replies:
        nothing = gettext(
            "From your reactions I have learned nothing yet: 👍 and 👎 tell me how you like to be answered."
        )
        return join_sentences([nothing, behind])
    await worker.load(profile.user_id)
    dimensions = services.behavior.dimensions
    there, idle = services.behavior.dimensions_on(exchange.event.conversation.platform), list[str]()
    lines = [_source(reacted, replies)]
    for name, taste in worker.tastes(profile.user_id).items():
        values, asked = tuple(dimensions[name]), profile.preferences.get(name, "")
        is_sure = taste.chance * len(values) >= REPORT_ODDS and taste.odds_learned >= REPORT_ODDS
        value = asked if asked in values else taste.value
        if (asked in values or is_sure) and value not in there.get(name, ()):
            idle.append(liked(name, value))
        if asked in values:
            lines.append(gettext("- {taste} (you told me so)", taste=liked(name, asked)))
        elif not is_sure:
            either = choice_text([value.replace("_", " ") for value in values])
            lines.append(gettext("- {values}: I cannot tell yet", values=either))
        else:
            sure = f"{taste.chance:.0%}"
            lines.append(gettext("- {taste} ({chance} sure)", taste=liked(name, taste.value), chance=sure))
    if services.personas is not None and (persona := services.personas.group_of(profile.user_id)):
        lines.append(
            gettext(
                "So I count you among the {people}: a version of my model may be trained on what you all like, and "
                "answer you.",
                people=persona_in_words(persona),
            )
        )
    if idle:
        lines.append(gettext("On this platform it has no effect that you like {tastes}.", tastes=list_text(idle)))
    styles = styles_of(services)
    example = "brief" if "brief" in styles else styles[-1].replace("_", " ")
    corrects = gettext("`/profile set {example}` corrects it, and taking reactions off unlearns it.", example=example)
    return "\n".join([*lines, "", join_sentences([corrects, behind])])


def _source(reacted: int, replies: int) -> str:
    """From what the tastes were learned."""
    if reacted == replies:
        return ngettext(
            "From your reactions on one reply I have learned that you like:",
            "From your reactions on {count} replies I have learned that you like:",
            replies,
        )
    return ngettext(
        "From how you took one reply I have learned that you like:",
        "From how you took {count} replies I have learned that you like:",
        replies,
    )


def _behind(rewards: int) -> str:
    """What is said while the policy has not learned everything yet. ``/profile`` does not wait for it."""
    if rewards < SAID_BEHIND:
        return ""
    return gettext(
        "I am still learning from about {count} reactions of everybody, so this may change a little.",
        count=number_text(rewards),
    )


def styles_of(services: Services) -> list[str]:
    """Every value that a person can ask for."""
    return [value for values in services.behavior.dimensions.values() for value in values]
