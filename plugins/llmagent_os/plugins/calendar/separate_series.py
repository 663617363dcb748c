"""Takes the series of one request apart, each of which has its own time: "tuesdays at 6am and saturdays at 8am"."""

from __future__ import annotations

import re
from collections.abc import Mapping

from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.time.text_normalization import normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, TimeMention, time_mentions

#: What the words of several series say, and the arguments that have them.
_SERIES_FIELDS = {MentionKind.RECURRENCE: "repeat", MentionKind.TIME: "time", MentionKind.DATE: "date"}


def separate_series(call: CalendarCall, said: Mapping[str, str], words: str) -> list[Mapping[str, str]]:
    """Take several series apart, each of which has its own time: "tuesdays at 6am and saturdays at 8am"."""
    found = [
        each
        for each in time_mentions(words, month_first=call.month_first)
        if each.kind in _SERIES_FIELDS and _core(each) in said.get(_SERIES_FIELDS[each.kind], "")
    ]
    limits = [each for each in found if each.kind is MentionKind.RECURRENCE and not _is_rule(call, each.text)]
    parts = [each for each in found if each not in limits]
    pairs = [parts[at : at + 2] for at in range(0, len(parts), 2)]
    one_time = [len(pair) > sum(each.kind is MentionKind.TIME for each in pair) == 1 for pair in pairs]
    rules = [_rule_words(each) for each in parts if each.kind is not MentionKind.TIME]
    if len(pairs) < 2 or not all(one_time) or not all(_is_rule(call, rule) for rule in rules):
        return [said]
    times = [each.text for each in parts if each.kind is MentionKind.TIME]
    rest = {key: value for key, value in said.items() if key != "date"}
    ends = [each.text for each in limits]
    return [{**rest, "time": at, "repeat": ", ".join((rule, *ends))} for rule, at in zip(rules, times, strict=True)]


def _core(mention: TimeMention) -> str:
    """The words of a mention without what joins it to the one before."""
    return re.sub(r"^(?:and|then|plus|&)\s", "", mention.text, flags=re.I)


def _rule_words(mention: TimeMention) -> str:
    """The words of a repetition: "sat" is every Saturday beside other days that come again."""
    return _core(mention) if mention.kind is MentionKind.RECURRENCE else f"every {normalize(_core(mention))}"


def _is_rule(call: CalendarCall, said: str) -> bool:
    """Whether words say how often, and do not only limit it."""
    try:
        call.parse_repetition(said)
    except TimeExpressionError:
        return False
    return True
