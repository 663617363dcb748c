"""The terms by which texts are found: content words in lower case, and pairs of characters where words have no spaces.

Pairs of characters (bigrams) are the usual way to search Chinese, Japanese and Korean without a dictionary (Nie, Gao,
Zhang & Zhou 2000).
"""

from __future__ import annotations

import re
import unicodedata

#: Changes when :func:`search_terms` gives other terms: a base with terms of another version is indexed again.
TERMS_VERSION = "1"

_STOP = frozenset(
    """a about am an and any are as at be by can could do does did for from have has how i in into is it its me my of
    on or our please shall should so tell that the their them there these they this those to us want was we what when
    where which who why will with would you your""".split()
)
_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]+|[^\W{_CJK}]+")
_IS_CJK = re.compile(rf"[{_CJK}]")


def words(text: str) -> list[str]:
    """Return the content words of ``text``, in lower case and without a plural s.

    >>> words("How do I export my calendars?")
    ['export', 'calendar']
    >>> words("会议室在哪里")
    ['会议', '议室', '室在', '在哪', '哪里']
    """
    found: list[str] = []
    for piece in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        if _IS_CJK.match(piece):
            found += [piece[at : at + 2] for at in range(max(len(piece) - 1, 1))]
        elif piece not in _STOP:
            found.append(piece[:-1] if len(piece) > 3 and piece.endswith("s") and not piece.endswith("ss") else piece)
    return found
