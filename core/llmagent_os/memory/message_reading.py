"""Reads what a message states about the person who wrote it, by rules. No model is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from llmagent_os.memory.clauses import Clause, clauses_of, plain_clause
from llmagent_os.memory.ended_statements import without_taking_back
from llmagent_os.memory.second_person import is_first_person, to_second_person
from llmagent_os.memory.statement import NOTE, Statement
from llmagent_os.memory.statement_rules import Rule, statement_rules
from llmagent_os.memory.statement_values import is_any
from llmagent_os.memory.topics import SAME_RELATION

#: A clause that is longer is a story.
LONGEST_CLAUSE = 160

_AND = re.compile(r",? and |, (?:and )?| & | or ", re.IGNORECASE)
_AND_WORD = re.compile(r" (?:and|or|&) ", re.IGNORECASE)
#: Health, belief, politics and love life (special categories, article 9 of the GDPR): kept only where the person asks.
_SENSITIVE = re.compile(
    r"\b(?:pregnant|hiv|aids|cancer|diabet\w*|depress\w*|anxiety|bipolar|adhd|autis\w*|epilep\w*|disab\w*|disease|"
    r"disorder|diagnos\w*|therap(?:y|ies)|medication|antidepressants?|addict\w*|alcoholic|catholic|protestant|christian|"
    r"muslim|islam\w*|jew(?:ish)?|hindu|buddhist|atheist|church|mosque|synagogue|god|pray\w*|democrats?|republicans?|"
    r"socialist|communist|conservatives?|labour party|green party|vote|voting|politic\w*|gay|lesbian|bisexual|"
    r"transgender|queer|trans|straight man|sexual\w*|union member|trade union|criminal|convicted|salary)\b",
    re.IGNORECASE,
)
#: What other tools keep: an appointment is no fact about a person.
_DATED = re.compile(
    r"\b(?:at \d|\d{1,2}(?::\d\d)? ?[ap]\.?m|\d{1,2}:\d\d|today|tonight|tomorrow|(?:next|this|on) (?:mon|tues|"
    r"wednes|thurs|"
    r"fri|satur|sun)day\b|meeting|appointment|remind|call \w+ (?:at|on))",
    re.IGNORECASE,
)


class Reading(msgspec.Struct, frozen=True):
    """What rules read in a message."""

    statements: tuple[Statement, ...] = ()
    is_whole: bool = False  #: every clause of the message states something: there is nothing else to answer
    is_asked_for: bool = False  #: the person asked to have it remembered


def read(text: str) -> Reading:
    """Read the statements of a message.

    >>> [each.text for each in read("I'm a vet, and I love jazz and chess. Do you?").statements]
    ['You work as a vet', 'You like jazz', 'You like chess']
    >>> read("my sister loves jazz").statements, read("I love it").statements
    ((), ())
    """
    found: list[Statement] = []
    is_whole, asked = True, False
    for clause in clauses_of(text):
        stated = _stated(clause)
        is_whole = is_whole and bool(stated)
        asked = asked or (clause.is_asked_for and bool(stated))
        found += stated
    return Reading(tuple(dict.fromkeys(found)), is_whole and bool(found), asked)


def stated_in(words: str) -> tuple[Statement, ...]:
    """Read one clause that is known to be a statement, such as what stands behind "forget that"."""
    return tuple(_by_rules(plain_clause(words), words))


def _stated(clause: Clause) -> list[Statement]:
    if not clause.plain or len(clause.plain) > LONGEST_CLAUSE:
        return []
    if _SENSITIVE.search(clause.plain) and not clause.is_asked_for:
        return []
    found = _by_rules(clause.plain, clause.said)
    if not found and clause.is_asked_for and is_first_person(clause.plain) and not _DATED.search(clause.plain):
        text = to_second_person(clause.plain)
        found = [Statement(NOTE, text, text, clause.said)]
    return found


def _by_rules(plain: str, said: str) -> list[Statement]:
    """What the first rule reads that fits: what is taken back, or what is stated."""
    taken_back = without_taking_back(plain)
    if taken_back is not None:
        if taken_back.topics:
            ended = Statement(min(taken_back.topics), taken_back.value, plain, said, taken_back.topics)
            return [ended, *_by_one_rule(taken_back.now, said)]
        return [
            Statement(each.topic, each.value, each.text, said, frozenset({each.topic}))
            for each in _by_one_rule(taken_back.positive, said)
        ]
    return _by_one_rule(plain, said)


def _by_one_rule(plain: str, said: str) -> list[Statement]:
    for rule in statement_rules():
        if plain and (match := rule.pattern.fullmatch(plain)) and (found := _of_match(rule, match, said)):
            return found
    return []


def _of_match(rule: Rule, match: re.Match[str], said: str) -> list[Statement]:
    groups = {name: value.strip() for name, value in match.groupdict().items() if value is not None}
    value = groups.get("x", "")
    if value and (not is_any(value) or not rule.is_value(value)):
        return []
    noun = groups.get("n", "").casefold()
    topic = rule.topic.replace("{n}", SAME_RELATION.get(noun, noun))
    values = [value]
    if rule.parts and ", " in value and not _AND_WORD.search(value):
        values = [value.split(", ")[0]]  # what follows is no list: "I love jazz, play me some"
    elif rule.parts and (several := [each for each in _AND.split(value) if each]) and all(map(rule.is_value, several)):
        values = several
    out: list[Statement] = []
    for each in values:
        slots = groups | {"n": groups.get("n", ""), "x": each}
        text = _filled(rule.text, slots)
        whole = f"{each} to {groups['y']}" if "{y}" in rule.text and groups.get("y") else each
        out.append(Statement(topic, whole or slots["n"], _with_article(_to_you(text), rule, each), said))
    return out


def _filled(text: str, slots: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w)\}", lambda slot: slots.get(slot[1], ""), text)


def _to_you(text: str) -> str:
    """Fix the persons of a statement: a value may hold "my"."""
    return re.sub(r"\b(?:my|our)\b", "your", " ".join(text.split()), flags=re.IGNORECASE)


def _with_article(text: str, rule: Rule, value: str) -> str:
    if rule.topic != "job" or "work as" not in rule.text or re.match(r"(?:an?|the|head|chief) ", value):
        return text
    article = "an" if value[:1].casefold() in "aeiou" else "a"
    return text.replace("work as ", f"work as {article} ", 1)
