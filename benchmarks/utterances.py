"""Measure how well the calendar bot understands people: compare its answers with what people wanted.

    llmagent-os evaluate calendar --data utterances.jsonl --out answers.jsonl
    python benchmarks/utterances.py utterances.jsonl answers.jsonl

``utterances.jsonl`` holds ``{"id", "text", "intent": create|list|delete|none, "slots": [{"name", "value"}] or null}``.
``answers.jsonl`` is the file that ``evaluate`` wrote. Three shares are printed: right choices (moving an event counts
as creating one); tool calls where none was due; and slots (person, date, time, event_name) that are kept, which means
that all their words are in the arguments. Words are compared in lower case, without articles and possessives. Numbers
are compared as numbers: "8am" is "eight am", and "march 19ths" is "march nineteenth".
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

#: The intent that a tool stands for.
KINDS = {"create_event": "create", "move_event": "create", "list_events": "list", "delete_event": "delete"}
#: The slots that are counted.
SLOTS = ("person", "date", "time", "event_name")

_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen""".split()
_ORDINALS = """zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth""".split()
_TENS = {word: 10 * ten for ten, word in enumerate("_ _ twenty thirty forty fifty sixty".split())}
_NUMBERS = {
    **{word: number for words in (_SMALL, _ORDINALS) for number, word in enumerate(words)},
    **_TENS,
    "twentieth": 20,
    "thirtieth": 30,
}
_MONTHS = {
    month[:3]: month
    for month in "january february march april june july august september october november december".split()
} | {"sept": "september"}
_DROPPED = frozenset("the of and a an at on".split())


def words(text: str) -> list[str]:
    """Return the words of ``text`` that carry meaning, with numbers as digits.

    >>> words("March 19ths at 8:30am")
    ['march', '19', '830', 'am']
    >>> words("the twenty ninth of march, eight thirty am")
    ['29', 'march', '8', '30', 'am']
    """
    text = re.sub(r"['’]s\b|s['’](?=\s|$)", "", text.lower())
    text = re.sub(r"(\d):00(?!\d)", r"\1", text)
    text = re.sub(r"(\d):(\d\d)", r"\1\2", text)
    text = re.sub(r"(?<![a-z])([ap])\.?\s?m\b\.?", r" \1m ", text)
    text = re.sub(r"(\d)(?:st|nd|rd|th)s?\b", r"\1", text)
    out: list[str] = []
    ten = hundred = False
    for word in re.findall(r"[^\W\d_]+|\d+", text):
        value = _NUMBERS.get(word)
        if value is not None and ((ten and value < 10) or (hundred and value < 100)):
            out[-1] = str(int(out[-1]) + value)
            ten, hundred = value >= 20, False
        elif value is not None and ten and out[-1] == "20":  # twenty seventeen
            out[-1] = f"20{value}"
            ten = False
        elif value is not None:
            out.append(str(value))
            ten = value >= 20
        elif word == "hundred" and out and out[-1].isdigit():
            out[-1] = str(100 * int(out[-1]))
            ten, hundred = False, True
            continue
        elif word == "thousand" and out and out[-1].isdigit():
            out[-1] = str(1000 * int(out[-1]))
            ten, hundred = False, True
            continue
        elif word == "and":
            ten = False
            continue
        elif word not in _DROPPED:
            out.append(str(int(word)) if word.isdigit() else _MONTHS.get(word, word))
            ten = False
        hundred = False
    return out


def is_kept(value: str, arguments: dict[str, Any]) -> bool:
    """Return whether one of the arguments has all words of a slot's ``value``. 400 stands for 4:00."""
    wanted = words(value)
    return any(all(_stands(word, words(str(given))) for word in wanted) for given in arguments.values())


def _stands(word: str, given: list[str]) -> bool:
    if word in given:
        return True
    return word.isdigit() and word.endswith("00") and word[:-2] in given


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("utterances", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--errors", action="store_true", help="also print every mistake")
    options = parser.parse_args()
    answers = {line["id"]: line for line in _lines(options.answers)}
    matrix: Counter[tuple[str, str]] = Counter()
    kept: Counter[str] = Counter()
    slots: Counter[str] = Counter()
    for item in _lines(options.utterances):
        answer = answers[item["id"]]
        got = "none" if answer["tool"] is None else KINDS.get(answer["tool"], "other")
        matrix[item["intent"], got] += 1
        if options.errors and got != item["intent"]:
            print(f"choice {item['intent']} -> {answer['tool']}: {item['text']}")
        for slot in item["slots"] or []:
            if slot["name"] in SLOTS:
                slots[slot["name"]] += 1
                good = is_kept(slot["value"], answer["arguments"])
                kept[slot["name"]] += good
                if options.errors and not good:
                    print(f"slot {slot['name']}={slot['value']!r} not in {answer['arguments']}: {item['text']}")
    total = sum(matrix.values())
    none = sum(count for (wanted, _), count in matrix.items() if wanted == "none")
    right = sum(count for (wanted, got), count in matrix.items() if wanted == got)
    print("| measure | rate | of |\n| --- | --- | --- |")
    print(f"| right choice | {right / total:.3f} | {total} |")
    print(f"| tool calls where none is due | {1 - matrix['none', 'none'] / max(none, 1):.3f} | {none} |")
    print(f"| slots kept | {sum(kept.values()) / max(sum(slots.values()), 1):.3f} | {sum(slots.values())} |")
    for name in sorted(slots):
        print(f"| - {name} | {kept[name] / slots[name]:.3f} | {slots[name]} |")
    for wanted in ("create", "list", "delete", "none"):
        row = sum(count for (kind, _), count in matrix.items() if kind == wanted)
        print(f"| - {wanted} chosen right | {matrix[wanted, wanted] / max(row, 1):.3f} | {row} |")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
