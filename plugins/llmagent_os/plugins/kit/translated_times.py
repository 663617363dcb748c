"""Puts the commonest words of time in German, Spanish and Chinese into English, which is what the parsers read.

>>> in_english("Müll morgen um 9 Uhr 15"), in_english("pan mañana a las 3 de la tarde")
('Müll tomorrow at 09:15', 'pan tomorrow at 15:00')
"""

from __future__ import annotations

import re
from collections.abc import Callable

from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

_Rewrite = str | Callable[[re.Match[str]], str]

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = "january february march april may june july august september october november december".split()
_DE_DAYS = "montag dienstag mittwoch donnerstag freitag samstag sonntag".split()
_ES_DAYS = "lunes martes miércoles jueves viernes sábado domingo".split()
_DE_MONTHS = "januar februar märz april mai juni juli august september oktober november dezember".split()
_ES_MONTHS = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()
_ZH_DIGITS: dict[str, int] = {str(sign): number for number, sign in enumerate("零一二三四五六七八九十")} | {
    "两": 2,
    "十一": 11,
    "十二": 12,
}

_DAY_OF: dict[str, str] = (
    dict(zip(_DE_DAYS, _WEEKDAYS, strict=True))
    | dict(zip(_ES_DAYS, _WEEKDAYS, strict=True))
    | {"sonnabend": "saturday", "miercoles": "wednesday", "sabado": "saturday"}
    | dict(zip("一二三四五六日", _WEEKDAYS, strict=True))
    | {"天": "sunday"}
)
_MONTH_OF: dict[str, str] = {
    **dict(zip(_DE_MONTHS, _MONTHS, strict=True)),
    **dict(zip(_ES_MONTHS, _MONTHS, strict=True)),
}
_UNIT_OF: dict[str, str] = {
    **{"minut": "minutes", "stund": "hours", "hora": "hours", "tag": "days", "día": "days", "dia": "days"},
    **{"woche": "weeks", "semana": "weeks", "分": "minutes", "小": "hours", "天": "days"},
}

_DE_DAY = rf"(?P<day>{'|'.join(_DE_DAYS)}|sonnabend)"
#: Spanish writes its weekdays small: "Domingo" is a name.
_ES_DAY = rf"(?-i:(?P<day>{'|'.join(_ES_DAYS)}|miercoles|sabado))"
_ZH_DAY = "(?:周|星期|礼拜)(?P<day>[一二三四五六日天])"
_ES_PART = r"(?: de la (?P<part>mañana|tarde|noche|madrugada))?"
_ZH_PART = "(?P<part>早上|上午|清晨|凌晨|中午|下午|傍晚|晚上)?"
_ZH_HOUR = r"(?P<hour>\d{1,2}|十[一二]?|[一二三四五六七八九两])"
#: Parts of a day in which hours up to eleven are those after noon.
_AFTER_NOON = frozenset("tarde noche nachmittags abends 下午 傍晚 晚上".split())

#: A text with such words is English: "Morgen" and "Domingo" are names there.
_ENGLISH = re.compile(r"\b(?:today|tomorrow|tonight|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|next)\b", re.I)
#: Words of a time that no rule below reads: "zwölf Uhr", "a las nueve".
_UNREAD = re.compile(
    r"\b(?:um \w+ uhr|\w+ uhr|(?:um )?halb \w+|(?:um )?viertel (?:vor|nach) \w+|a las? \w+(?: y \w+)?"
    r"|(?:los|cada) (?:lunes|martes|miércoles|jueves|viernes|sábados?|domingos?))\b|[一二三四五六七八九十两]+点[钟半]?",
    re.I,
)
_SMALL_NUMBERS: dict[str, str] = dict.fromkeys(("uno", "una", "un", "ein", "eine", "einer", "einem", "einen"), "1")


def in_english(text: str) -> str:
    """Return a text with its German, Spanish and Chinese words of time in English. All other words stay.

    Raises:
        TimeExpressionError: a time of day in another language that is not read.
    """
    if _ENGLISH.search(text):
        return text
    for rule, by in _RULES:
        text = rule.sub(by, text)
    if unread := _UNREAD.search(text):
        raise TimeExpressionError("unknown", "time", unread[0])
    return " ".join(text.split())


def _clock(found: re.Match[str]) -> str:
    """A time of day. Without its part of the day and without minutes, an hour is as open as in English."""
    given = found.groupdict()
    written = given["hour"]
    hour = int(written) if written.isdecimal() else _ZH_DIGITS[written]
    minute = given.get("minute") or given.get("further") or "0"
    minutes = 30 if minute in ("半", "media") else 15 if minute == "cuarto" else int(minute)
    part, exact = (given.get("part") or "").lower(), given.get("exact")
    if hour > 24 or minutes > 59:
        return found[0]
    if part in _AFTER_NOON and hour < 12:
        hour += 12
    elif not part and not exact and not minutes and hour <= 12:
        return f" at {hour} "
    return f" at {hour % 24:02}:{minutes:02} "


def _half_before(found: re.Match[str]) -> str:
    """Half past an hour, as German says it: "halb 9" is half past eight."""
    hour = int(found["hour"])
    return f" at {(hour - 1) % 24:02}:30 " if 1 <= hour <= 24 else found[0]


def _weekday(prefix: str) -> Callable[[re.Match[str]], str]:
    return lambda found: f" {prefix} {_DAY_OF[found['day'].lower()]} "


def _on_date(found: re.Match[str]) -> str:
    return f" on {int(found['number'])} {_MONTH_OF[found['month'].lower()]} "


def _delay(found: re.Match[str]) -> str:
    unit = next(english for begin, english in _UNIT_OF.items() if found["unit"].lower().startswith(begin))
    number = _SMALL_NUMBERS.get(found["number"].lower(), found["number"])
    return f" in {number} {unit} "


_PATTERNS: tuple[tuple[str, _Rewrite], ...] = (
    # German
    (r"\bin (?P<number>\d+|einer?|einem) (?P<unit>minuten?|stunden?|tage?n?|wochen?)\b", _delay),
    (r"\b(?:am )?(?P<number>\d{1,2})\.? (?P<month>" + "|".join(_DE_MONTHS) + r")\b", _on_date),
    (r"\b(?:um )?halb (?P<hour>\d{1,2})(?: uhr)?\b", _half_before),
    (
        r"\b(?:um )?(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))? ?(?P<exact>uhr)\b(?: (?P<further>\d\d)\b)?"
        r"(?: (?P<part>morgens|vormittags|nachmittags|abends|nachts))?",
        _clock,
    ),
    (r"\bum (?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))?(?!\S| (?:euro|prozent)\b)", _clock),
    (r"\bjeden (?:tag|morgen)\b|\btäglich\b", " every day "),
    (rf"\bjeden {_DE_DAY}\b", _weekday("every")),
    (rf"\b(?:am )?nächsten? {_DE_DAY}\b", _weekday("next")),
    (r"\bnächste woche\b", " next week "),
    (r"\bübermorgen\b", " the day after tomorrow "),
    (r"\b(?:morgen früh|morgen vormittag)\b", " tomorrow morning "),
    (r"\bmorgen nachmittag\b", " tomorrow afternoon "),
    (r"\bmorgen abend\b", " tomorrow evening "),
    (r"\bheute nachmittag\b", " this afternoon "),
    (r"\bheute abend\b", " this evening "),
    (r"\bheute\b", " today "),
    (r"(?<!guten )\bmorgen\b", " tomorrow "),
    (r"\bam wochenende\b", " at the weekend "),
    (rf"\b(?:am |bis )?{_DE_DAY}\b", _weekday("on")),
    # Spanish
    (r"\b(?:en|dentro de) (?P<number>\d+|una?) (?P<unit>minutos?|horas?|d[ií]as?|semanas?)\b", _delay),
    (r"\b(?:el )?(?P<number>\d{1,2}) de (?P<month>" + "|".join(_ES_MONTHS) + r")\b", _on_date),
    (
        r"\ba las? (?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d)| y (?P<further>media|cuarto))?(?![:.]?\d| ?[ap]\.?m)"
        rf"{_ES_PART}\b",
        _clock,
    ),
    (r"\ba las? (?=\d{1,2}(?:[:.]\d\d)? ?[ap]\.?m)", " at "),
    (r"\b(?:todos los d[ií]as|cada d[ií]a)\b", " every day "),
    (rf"\b(?:todos los|los|cada) {_ES_DAY}\b", _weekday("every")),
    (rf"\b(?:el )?próximo {_ES_DAY}\b", _weekday("next")),
    (r"\bla próxima semana\b", " next week "),
    (r"\bpasado mañana\b", " the day after tomorrow "),
    (r"\bmañana por la mañana\b", " tomorrow morning "),
    (r"\bmañana por la (?:tarde|noche)\b", " tomorrow evening "),
    (r"\besta tarde\b", " this afternoon "),
    (r"\besta noche\b", " tonight "),
    (r"\bhoy\b", " today "),
    (r"(?<!la )(?<!las )(?<!buena )\bmañana\b", " tomorrow "),
    (rf"\b(?:el |este )?{_ES_DAY}\b", _weekday("on")),
    # Chinese
    (r"(?P<number>\d+) ?个?(?P<unit>分钟|小时|天)[之以]?后", _delay),
    ("每天", " every day "),
    (f"每{_ZH_DAY}", _weekday("every")),
    (f"下个?{_ZH_DAY}", _weekday("next")),
    ("后天", " the day after tomorrow "),
    ("明天", " tomorrow "),
    ("今天", " today "),
    (f"(?:这个?)?{_ZH_DAY}", _weekday("on")),
    (rf"{_ZH_PART} ?{_ZH_HOUR}点(?!意见|建议|要求|原因|注意)钟?(?:(?P<minute>\d{{1,2}}|半)分?)?", _clock),
    (rf"{_ZH_PART[:-1]} ?(?P<hour>\d{{1,2}})[:：](?P<minute>\d\d)", _clock),
)
_RULES = tuple((re.compile(pattern, re.I), by) for pattern, by in _PATTERNS)
