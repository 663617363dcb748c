"""``/language``: in which language a person is spoken to."""

from __future__ import annotations

from llmagent_os.adapter import Reply
from llmagent_os.events import Command
from llmagent_os.identity import identity_of
from llmagent_os.languages import LANGUAGES, gettext, language_in_force, language_of_tag, speaking
from llmagent_os.people.profiles import Profile
from llmagent_os.reply.services import Services

#: What people type for a language, beside its code and its own name.
_NAMES = {
    "en": "english englisch inglés ingles 英语 英文",
    "de": "german deutsch alemán aleman 德语 德文",
    "es": "spanish spanisch español espanol castellano 西班牙语 西班牙文",
    "zh": "chinese chinesisch chino 中文 汉语 简体中文 mandarin",
}

#: The word that leaves the language to the bot.
AUTO = "auto"


async def language(services: Services, command: Command) -> Reply:
    """Answer ``/language``, ``/language de`` and ``/language auto``."""
    spoken = tuple(LANGUAGES) if services.languages is None else services.languages.languages
    what = command.arguments.strip()
    profile = await services.directory.profile_of(command)
    if not what:
        return Reply(f"{_why(profile)}\n\n{_ways(spoken)}")
    if services.profiles is None:
        return Reply(gettext("I keep no profiles here, so I cannot remember which language you want."))
    person_id = await services.directory.person_of(identity_of(command))
    if what.lower() == AUTO:
        await services.profiles.update(person_id, language_from="")
        found = language_in_force() if services.languages is None else (await services.languages.hear(command)).language
        with speaking(found):
            return Reply(
                gettext("Done: I speak the language that you write in. For now, that is {language}.", language=_name())
            )
    chosen = language_named(what)
    if chosen is None or chosen not in spoken:
        return Reply(gettext("I do not speak “{language}”.", language=what[:40]) + f" {_ways(spoken)}")
    await services.profiles.update(person_id, language=chosen)
    if services.languages is not None:
        await services.languages.hear(command)  # what the platform says below the answer is in the new language, too
    with speaking(chosen):
        return Reply(gettext("Done: from now on I speak {language} with you.", language=_name()))


def language_named(words: str) -> str | None:
    """The language that a person means. None: none that there are texts in.

    >>> language_named("Deutsch"), language_named("zh-CN"), language_named("Español"), language_named("Klingon")
    ('de', 'zh', 'es', None)
    """
    said = words.casefold().strip()
    named = next((code for code, names in _NAMES.items() if said in names.split()), None)
    return named or (language_of_tag(said) if len(said.replace("_", "-").partition("-")[0]) == 2 else None)


def _name() -> str:
    return LANGUAGES.get(language_in_force(), LANGUAGES["en"])


def _why(profile: Profile) -> str:
    """Which language is in force, and why."""
    match profile.language_from:
        case "choice":
            return gettext("I speak {language} with you, because you chose it.", language=_name())
        case "messages":
            return gettext("I speak {language} with you, because you write in it.", language=_name())
        case _:
            return gettext("I speak {language} with you.", language=_name())


def _ways(spoken: tuple[str, ...]) -> str:
    """How to choose another language."""
    listed = "\n".join(f"- `/language {code}`: {LANGUAGES[code]}" for code in spoken)
    return gettext("You can choose:\n{languages}\n- `/language auto`: the language that you write in", languages=listed)
