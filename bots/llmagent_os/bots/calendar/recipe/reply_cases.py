"""Which rule of the grammar answers which result of a tool: one table, for the training and for the model's card.

The same table tells the agent what the model was taught to say, so that it believes nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from llmagent_os.bots.calendar.recipe.grammar_syntax import Choice, GrammarError, Mark, Node, Rule
from llmagent_os.bots.calendar.recipe.phrase_grammar import Grammar
from llmagent_os.serving.taught_replies import ANY, ResultKind, TaughtReplies, TaughtReply


@dataclass(frozen=True)
class ReplyCase:
    """Results of one kind, and the rule that answers them. The style comes after the rule's name."""

    rule: str
    kind: ResultKind


def _case(rule: str, *absent: str, tool: str = "", **given: str) -> ReplyCase:
    return ReplyCase(rule, ResultKind(given=given, absent=absent, tool=tool))


#: Every kind of result that the model has words for. A result is of one kind at most, except what was ``set``: each
#: thing that was set has a sentence of its own, in this order.
REPLY_CASES: tuple[ReplyCase, ...] = (
    _case("r_set_name", status="set", name=ANY),
    _case("r_set_place", status="set", place=ANY, time=ANY),
    *(
        _case(f"r_set_{style}", status="set", style=style)
        for style in ("brief", "normal", "detailed", "task_oriented", "conversational", "ask_first", "act")
    ),
    _case("r_set_missing", status="missing", need="preference"),
    _case("r_any_unclear", status="unclear", need=ANY, heard=ANY),
    _case("r_any_past", status="past", title=ANY, when=ANY),
    _case("r_any_passed", "title", status="past", when=ANY),
    _case("r_any_ambiguous", status="ambiguous", events=ANY),
    _case("r_any_event", status="missing", need="event"),
    _case("r_any_notfound", status="not_found", about=ANY),
    _case("r_any_notfoundwhen", "about", status="not_found", when=ANY),
    _case("r_any_notfoundnone", "about", "when", status="not_found"),
    _case("r_create_reminder", status="created", kind="reminder"),
    _case("r_create_created", "kind", status="created"),
    _case("r_create_noted", status="noted"),
    _case("r_create_missing_time", status="missing", need="time", when=ANY),
    _case("r_create_missing_when", "when", status="missing", need="time"),
    _case("r_create_missing_when", status="missing", need="when"),
    _case("r_create_missing_when", status="missing", need="date"),
    _case("r_create_missing_title", status="missing", need="title"),
    _case("r_create_confirm", tool="create_event", status="confirm", when=ANY),
    _case("r_create_confirmnoted", "when", tool="create_event", status="confirm"),
    _case("r_list_busy", status="listed", free=ANY),
    _case("r_list_one", "free", status="listed", title=ANY, when=ANY),
    _case("r_list_undated", "free", "when", status="listed", title=ANY),
    _case("r_list_listed", "free", "title", status="listed", when=ANY),
    _case("r_list_found", "free", "title", "when", status="listed"),
    _case("r_list_free", status="empty", free=ANY, when=ANY),
    _case("r_list_freeall", "when", status="empty", free=ANY),
    _case("r_list_about", "free", status="empty", about=ANY),
    _case("r_list_empty", "free", "about", status="empty", when=ANY),
    _case("r_list_none", "free", "about", "when", status="empty"),
    _case("r_delete_deleted", status="deleted", title=ANY, when=ANY),
    _case("r_delete_undated", "when", status="deleted", title=ANY),
    _case("r_delete_confirmone", tool="delete_event", status="confirm", title=ANY, when=ANY),
    _case("r_delete_confirmundated", "when", tool="delete_event", status="confirm", title=ANY),
    _case("r_delete_confirm", "title", tool="delete_event", status="confirm", events=ANY),
    _case("r_move_change", status="missing", need="change"),
    _case("r_move_moved", status="moved"),
    _case("r_move_unchanged", status="unchanged", title=ANY),
    _case("r_move_confirm", tool="move_event", status="confirm"),
)

#: Replies of the grammar that no result of a tool asks for.
_TALK, _REMARKS = ("n_",), ("a_", "o_")


def taught_replies(grammar: Grammar) -> TaughtReplies:
    """Return all that the model learns to say, for its card.

    Raises:
        GrammarError: a rule of :data:`REPLY_CASES` is missing.
    """
    return TaughtReplies(
        results=tuple(TaughtReply(case.kind, _texts(grammar, _styled(grammar, case.rule))) for case in REPLY_CASES),
        remarks=_texts(grammar, [name for prefix in _REMARKS for name in grammar.names(prefix)]),
        talk=_texts(grammar, [name for prefix in _TALK for name in grammar.names(prefix)]),
    )


def _styled(grammar: Grammar, rule: str) -> list[str]:
    """The rule in all styles: by mode and length, by mode, or in one for all."""
    codes = ["", *(f"_{mode}{length}" for mode in "tc" for length in ("", "b", "n", "d"))]
    found = [f"{rule}{code}" for code in codes if f"{rule}{code}" in grammar.rules]
    if not found:
        raise GrammarError(f"the grammar has no rule {rule!r}")
    return found


def _texts(grammar: Grammar, names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for name in names for node in grammar.rules[name] for text in _written(node)))


def _written(node: Node) -> list[str]:
    """All texts of a node. What a reply copies, ``<data_title>``, is written ``<title>``."""
    match node:
        case str():
            return [node]
        case Rule(name):
            return [f"<{name.removeprefix('data_')}>"]
        case Mark(_, body):
            return _written(body)
        case Choice(options, optional):
            return [*([""] if optional else []), *(text for option in options for text in _written(option))]
        case _:
            texts = [""]
            for part in node.parts:
                texts = [before + after for before in texts for after in _written(part)]
            return texts
