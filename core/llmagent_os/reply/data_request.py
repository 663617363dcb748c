"""Knows words about all that is kept about the person: "delete all my data", "lösche mein Konto", "forget me".

A command erases or exports it. Words alone erase nothing: they are answered with the commands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from llmagent_os.languages import ENGLISH, gettext, language_in_force, speaking

MAX_LENGTH = 120  #: characters; more words say something else, too

_EN_DATA = (
    r"(?:my|all the)(?: own| personal| private| user| whole| entire)*"
    r" (?:data|account|profile|personal information|information|history|(?:chat )?history|conversations?|chats|messages"
    r"|memory|memories|records?)"
)
_EN_VERB = r"(?:delet|eras|remov|wip|clear|destroy|purg|export|download)\w*"
_EN_KNOWN = r"(?:everything|all|anything|what|whatever|the things|the data)(?: that)? (?:about me|you(?:'ve| have)?\b)"
_DE_DATA = (
    r"(?:meine[nrs]?|mein)(?: gesamten?| ganzes?| persönlichen?)*"
    r" (?:daten|konto|account|profil|informationen|verlauf|gespräche|nachrichten)"
)
_DE_DELETE = r"(?:lösch\w*|gelöscht|entfern\w*|vernichte\w*)"
_ES_DATA = r"mis? (?:propios )?(?:datos|cuenta|perfil|información|historial|conversaciones|mensajes)"
_ES_DELETE = r"(?:borr\w+|bórr\w+|elimin\w+|elimín\w+|suprim\w+)"
_ZH_DATA = r"(?:数据|资料|账号|账户|帐号|信息|记录|隐私)"
_ZH_DELETE = r"(?:删除|删掉|清除|清空|抹掉|抹去|注销)"

_PATTERNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "en": (
            rf"\b{_EN_VERB}\b[\w ,]{{0,25}}?\b(?:{_EN_DATA}|{_EN_KNOWN})\b",
            rf"\bforget (?:about )?(?:me|{_EN_DATA}|{_EN_KNOWN})(?![\w'])(?! (?:to|not)\b)",
            r"\b(?:delet|eras|remov)e me\b|\bto be forgotten\b",
        ),
        "de": (
            rf"\b{_DE_DELETE}\b[\w ,]{{0,20}}?\b(?:{_DE_DATA}|mich\b|alles,? (?:über|von) mi(?:ch|r)\b)",
            rf"\b{_DE_DATA} (?:bitte |alle |vollständig |komplett )*(?:zu )?{_DE_DELETE}\b",
            r"\bvergiss (?:bitte )?(?:mich|alles,? (?:über mich|was du))\b|\bexportier\w* .{0,12}daten\b",
        ),
        "es": (
            rf"\b{_ES_DELETE}\b[\w ,]{{0,20}}?\b(?:{_ES_DATA}|todo (?:sobre mí|lo que sabes|lo mío))",
            r"\b(?:olv[ií]da(?:me|te de mí)|olvida todo (?:sobre mí|lo que sabes))(?!\w)|\bexporta\w* .{0,12}datos\b",
        ),
        "zh": (
            rf"{_ZH_DELETE}.{{0,4}}我的?.{{0,6}}{_ZH_DATA}|我的?.{{0,6}}{_ZH_DATA}.{{0,4}}{_ZH_DELETE}",
            r"(?:忘记|忘了|忘掉)我|把我忘|导出我的",
        ),
    }
)
_NOT = re.compile(
    r"\b(?:don['’]?t|do not|never|nicht|niemals|nie|no (?:me )?(?:borr|elimin|olvid)\w*|nunca)\b|不要|别", re.IGNORECASE
)


def words_about_data(text: str) -> str:
    """Return how a person erases or gets all that is kept about them, in the language of the words.

    English words are answered in the person's language. Empty: the words do not ask for it.

    >>> words_about_data("please delete all my data")[:8], words_about_data("forget me not")
    ('`/forget', '')
    """
    if len(text) > MAX_LENGTH or _NOT.search(text):
        return ""
    for language, patterns in _PATTERNS.items():
        if any(re.search(each, text, re.IGNORECASE) for each in patterns):
            with speaking(language_in_force() if language == ENGLISH else language):
                return _answer()
    return ""


def _answer() -> str:
    return gettext(
        "`/forget` erases everything I keep about you, after I have asked you once more. `/export` sends you all of it "
        "in a file, if you want to have it first. I have erased nothing yet."
    )
