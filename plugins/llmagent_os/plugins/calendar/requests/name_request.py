"""Reads another name or person for an event: "rename the sync to catch-up", "I meant Zoe, not Alice"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.requests.change_call import (
    INSTEAD,
    asks_for_no_change,
    holds_request,
    known_target,
    move_call,
    plain_name,
)
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, first_call, has_marks, rule
from llmagent_os.plugins.calendar.requests.request_verbs import DELETING
from llmagent_os.plugins.calendar.requests.targets import Target

_NAMED = r"(?:called|named|titled|labelled|labeled|known as)"
_RENAME = rule(
    rf"(?:rename|retitle|relabel|re-name|call|name|title) (?P<np>.+?) (?:to|as|into|=|->) (?P<new>.+?){INSTEAD}"
)
#: The event stands in front: "the sign-off: rename to release sign-off".
_RENAME_BEHIND = rule(
    rf"(?P<np>.+?)(?: ?[:–—-]|,)? (?:rename|retitle|relabel|re-name)(?: it| this| that)? (?:to|as|into)"
    rf" (?P<new>.+?){INSTEAD}"
)
#: A remark behind a new name: "…, that's his real name".
_REMARK = re.compile(
    r",\s(?:(?:that|it|he|she|they|i|we|this|which)(?:'?s|'re|'m|'ve)?\b|(?:because|since|sounds|as)\b).*$", re.I
)
_CALL_INSTEAD = rule(
    r"(?:call|name|title|label) (?:it|that|this) (?P<new>.+?),? (?:instead of|rather than|and not|not) (?P<np>.+?)"
)
_CALL_QUOTED = rule(
    rf"(?:call|name|title|label|rename) (?P<np>.+?)(?::| to be| as| to)? (?P<new>[\"'“][^\"”]+?[\"'”]){INSTEAD}"
)
_CALL = rule(r"(?:call|name|title|label) (?P<words>.+?)(?P<instead> instead)?")
_NAME_OF = rule(
    r"(?:change|set|update|edit|make|switch) (?:the )?(?:name|title|label|subject) (?:of|for) (?P<np>.+?) (?:to|into|as"
    rf"|be) (?P<new>.+?){INSTEAD}|(?:change|set|update|edit|make) (?:its|the) (?:name|title) (?:to|into|be)"
    rf" (?P<alone>.+?){INSTEAD}"
)
_NAME_IS = rule(
    r"(?:(?:its|the|that) (?:name|title)|the (?:name|title) (?:of|for) (?P<np>.+?)) (?:should be|is|must be|ought to be"
    rf"|has to be|shall be|was supposed to be) (?:actually |really )?(?P<new>.+?){INSTEAD}"
)
_BE_CALLED = rule(
    rf"(?P<np>.+?) (?:should be|is|must be|has to be|ought to be|is actually|is now|'s|is really) {_NAMED}"
    rf" (?P<new>.+?){INSTEAD}"
)
_WANT_CALLED = rule(rf"(?:i want|i'd like|i would like|have) (?P<np>.+?) (?:to be )?{_NAMED} (?P<new>.+?){INSTEAD}")
_CHANGE_TO = rule(rf"(?:change|turn|switch|make) (?P<np>.+?) (?:to|into) (?:an? |the )?(?P<new>.+?){INSTEAD}")
_NOT_BUT = rule(
    r"(?:i (?:meant|mean|said|wanted|want)|it(?:'s| is| was| should be)|that(?:'s| is| should be)|make (?:it|that)) "
    r"(?P<right>.+?),? (?:and )?(?:not|instead of|rather than) (?P<wrong>.+)"
)
_NOT_FIRST = rule(r"(?:it's |that's |i meant )?not (?P<wrong>.+?),? (?:but|it's|i meant|i said)? ?(?P<right>.+)")
_IS_WITH = rule(
    r"(?P<np>.+?) (?:is|'s|will be|should be|is now|is actually)(?: now| actually)? with (?P<person>.+?)"
    rf"(?:,? (?:and )?(?:not|instead of|rather than)(?: with)? (?P<wrong>.+?))?{INSTEAD}"
)
_JOINS = rule(
    r"(?:add|invite|include|bring|put) (?P<who>[^\W\d_][\w.'-]*(?:(?: and|,)? [^\W\d_][\w.'-]*){0,4}?)"
    rf"(?: along| in)? (?:to|into|for|on|in) (?P<np>.+?){INSTEAD}"
    r"|(?P<who2>[^\W\d_][\w.'-]*(?: and [^\W\d_][\w.'-]*)?) (?:is|'s|are|will be) (?:also |now )?"
    r"(?:coming|joining|joining us|coming along)(?: to| for| at| in)? (?P<np2>.+?)(?: too| as well)?"
)
_REPLACE = rule(
    r"(?:replace|swap|exchange|substitute) (?P<wrong>.+?) (?:with|by|for) (?P<right>.+?)(?: (?:in|for|at|on)"
    r" (?P<np>.+))?"
)

#: Somebody: a name, or what somebody is to the person.
_PERSON = re.compile(
    r"(?-i:[A-Z])[\w.'-]+(?: (?-i:[A-Z])[\w.'-]+)?|(?:my |our |the )?(?:mum|mom|mother|dad|father|parents|wife|husband"
    r"|partner|boss|manager|girlfriend|boyfriend|brother|sister|son|daughter|kids|team|colleagues?|friends?"
    r"|neighbou?rs?"
    r"|aunt|uncle|cousin|grandma|grandpa|him|her|them)",
    re.I,
)

#: A question, or another request, is no new name: "rename yoga to what?", "not yoga, cancel the gym".
_NO_NAME = re.compile(rf"(?:what|which|who|when|where|why|how)(?: else)?\W*$|{DELETING} (?:the|my|our|it|that)\b", re.I)


def read_name(clause: Clause) -> ToolCall | None:
    """Return the call that gives an event another name or person; None: not every word is understood."""
    words = MaskedWords.of(clause)
    if asks_for_no_change(words):
        return None
    call = first_call(words, _RULES)
    return None if call is not None and _NO_NAME.match(str(call.arguments.get("new_title", ""))) else call


def _rename(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    target = known_target(words, groups.get("np"))
    new = plain_name(words, _REMARK.sub("", groups.get("new") or groups.get("alone") or ""))
    if target is None or not new or holds_request(new) or re.fullmatch(r"it|that|off|them|back|in", new, re.I):
        return None
    return move_call(words, target, new_title=new)


def _call_it(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Another name without a "to": the event has the longest part of the words that names one."""
    said = found["words"].split()
    for at in range(len(said) - 1, 0, -1):
        phrase, new = " ".join(said[:at]), " ".join(said[at:])
        target = known_target(words, phrase)
        thing = re.search(r" (?:thing|event|appointment|entry|one)$", phrase, re.I)  # "call the gym thing crossfit"
        same = said[at - 1].lower() == said[-1].lower()  # "call the friday lunch team lunch"
        if target is not None and (found["instead"] or thing or same or not target.arguments):
            name = plain_name(words, new)
            return None if re.fullmatch(r"off|back|in", name, re.I) else move_call(words, target, new_title=name)
    return None


def _change_to(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Another name where something that has no mark of time follows: "change the lunch to brunch"."""
    if has_marks(found["new"]):
        return None
    call = _rename(words, found)
    return None if call is None else _of_person(words, call)


def _of_person(words: MaskedWords, call: ToolCall) -> ToolCall:
    """Another name of somebody keeps the rest of the event's name: "change gus to angus" for a lunch with Gus."""
    old = str(call.arguments.get("title", ""))
    titles = {event.title for event in words.clause.events if old and fits_words(event, old)}
    somebody = re.compile(rf"\b(?:with|and|for|from) (?:\w+ )?{re.escape(old)}\b", re.I)
    if len(titles) != 1 or not somebody.search(next(iter(titles))):
        return call
    return ToolCall(call.name, {**call.arguments, "instead_of": old})


def _not_but(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A word of a name that was wrong: "I meant Zoe, not Alice", "a call with Zoe, not Alice"."""
    right, wrong = plain_name(words, found["right"]), plain_name(words, found["wrong"])
    right = re.sub(r"^(?:an?|the|my) ", "", right, flags=re.I)
    right = re.sub(
        r" (?:(?:that|who|whom) )?(?:i|we)(?:'m|'re|'ll| am| are| have| see| meet)\b.*$", "", right, flags=re.I
    )
    wrong = re.sub(r"^(?:an?|the|my|with|for) ", "", wrong, flags=re.I)
    if has_marks(found["right"]) or has_marks(found["wrong"]):
        return _other_time(words, found)
    events = [event for event in words.clause.events if fits_words(event, wrong)]
    if not events or not right:
        return None
    whole = len(right.split()) > 1 and any(_shares(event.title, right, wrong) for event in events)
    arguments = {"title": wrong, "new_title": right} | ({} if whole else {"instead_of": wrong})
    return ToolCall("move_event", arguments)


def _shares(title: str, right: str, wrong: str) -> bool:
    """Whether a new name repeats more of the old one than the wrong word."""
    kept = set(re.findall(r"\w+", title.lower())) - set(re.findall(r"\w+", wrong.lower())) - {"with", "the", "a", "for"}
    return bool(kept & set(re.findall(r"\w+", right.lower())))


def _other_time(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A day or a time that was wrong: "I meant friday, not thursday"."""
    right = words.when(found["right"], "new_")
    plain = re.sub(r"\W", "", re.sub(r"[\ue000-\ue001]|[dt]\d", "", found["right"]))
    return ToolCall("move_event", right) if right and not plain else None


def _is_with(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = known_target(words, found["np"])
    if target is None or has_marks(found["person"]):
        return None
    return move_call(words, target, new_person=plain_name(words, found["person"]))


def _joins(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Somebody more at an event that the calendar has: "add Sara to the team meeting"."""
    who = plain_name(words, found["who"] or found["who2"])
    target = known_target(words, found["np"] or found["np2"], named=True)
    if target is None or has_marks(who) or not all(_PERSON.fullmatch(each) for each in re.split(r",? and |, ", who)):
        return None
    events = [event for event in words.clause.events if fits_words(event, target.arguments["title"])]
    if len({event.title for event in events}) != 1:
        return None
    title = events[0].title
    joint = "and" if re.search(r"\bwith\b", title, re.I) else "with"
    return move_call(words, target, new_title=f"{title} {joint} {who}")


def _replace(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    wrong, right = plain_name(words, found["wrong"]), plain_name(words, found["right"])
    if has_marks(found["right"]) or (found["np"] and known_target(words, found["np"], named=True) is None):
        return None
    if not any(fits_words(event, wrong) for event in words.clause.events):
        return None
    return move_call(words, Target({"title": wrong}), new_title=right, instead_of=wrong)


_RULES: Rules = (
    (_NAME_OF, _rename),
    (_NAME_IS, _rename),
    (_BE_CALLED, _rename),
    (_WANT_CALLED, _rename),
    (_NOT_BUT, _not_but),
    (_NOT_FIRST, _not_but),
    (_IS_WITH, _is_with),
    (_JOINS, _joins),
    (_REPLACE, _replace),
    (_CALL_INSTEAD, _rename),
    (_RENAME, _rename),
    (_RENAME_BEHIND, _rename),
    (_CALL_QUOTED, _rename),
    (_CALL, _call_it),
    (_CHANGE_TO, _change_to),
)
