"""How long people say that the bot should be silent, in all languages: ``2h``, "half an hour", "dos horas"."""

from __future__ import annotations

import re
from datetime import timedelta

#: The longest time that somebody can ask for.
LONGEST = timedelta(days=30)

_UNITS: tuple[tuple[str, timedelta], ...] = (
    (r"m|mins?|minutes?|minuten?|minutos?|分钟|分", timedelta(minutes=1)),
    (r"h|hrs?|hours?|std|stunden?|horas?|小时|钟头", timedelta(hours=1)),
    (r"d|days?|tage?n?|d[ií]as?|天|日", timedelta(days=1)),
    (r"w|weeks?|wochen?|semanas?|周|星期", timedelta(weeks=1)),
)
_NUMBERS: tuple[tuple[str, float], ...] = (
    (r"half an?|(?:eine[rn]? )?halben?|media|半", 0.5),
    (r"an?|one|eine[rn]?|ein|una?|一", 1.0),
    (r"one and a half|anderthalb|eineinhalb", 1.5),
    (r"two|zwei|dos|两|二", 2.0),
    (r"three|drei|tres|三", 3.0),
    (r"four|vier|cuatro|四", 4.0),
    (r"five|f[uü]nf|cinco|五", 5.0),
    (r"six|sechs|seis|六", 6.0),
    (r"ten|zehn|diez|十", 10.0),
    (r"twenty|zwanzig|veinte|二十", 20.0),
    (r"thirty|drei(?:ß|ss)ig|treinta|三十", 30.0),
)
_PART = re.compile(
    rf"(\d{{1,4}}(?:\.\d)?|{'|'.join(words for words, _ in reversed(_NUMBERS))})\s*个?\s*"
    rf"({'|'.join(words for words, _ in _UNITS)})(?![a-zà-ÿ])"
)
_AND = re.compile(r",| and | und | y |零|又")


def parse_duration(text: str) -> timedelta | None:
    """Read a time such as ``2h``, ``1h 30m`` or "half an hour". None: it is none.

    >>> str(parse_duration("1h 30m")), str(parse_duration("half an hour")), parse_duration("soon")
    ('1:30:00', '0:30:00', None)
    >>> [str(parse_duration(text)) for text in ("zwei Stunden", "una hora y 5 minutos", "半个小时")]
    ['2:00:00', '1:05:00', '0:30:00']
    """
    plain = " ".join(_AND.sub(" ", text.lower()).split())
    total, at = timedelta(), 0
    while at < len(plain):
        found = _PART.match(plain, at)
        if found is None:
            return None
        number, unit = found.groups()
        total += _times(number) * next(length for words, length in _UNITS if re.fullmatch(words, unit))
        at = found.end()
        while at < len(plain) and plain[at] == " ":
            at += 1
    return min(total, LONGEST) if total > timedelta() else None


def _times(number: str) -> float:
    return next((value for words, value in _NUMBERS if re.fullmatch(words, number)), None) or float(number)
