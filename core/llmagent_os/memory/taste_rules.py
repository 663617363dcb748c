"""Rules for what people like, dislike, prefer, avoid and do in their free time. Their form is that of ``life_rules``."""

from __future__ import annotations

import re

from llmagent_os.memory.life_rules import Rule, rule
from llmagent_os.memory.values import is_any, is_thing

_LIKE = (
    r"(?:like|love|enjoy|adore|am into|am really into|am a (?:big |huge |great |real )?fan of|am fond of|am crazy about|"
    r"am mad about|am keen on|am passionate about|am obsessed with|am a sucker for|am partial to|am addicted to|am hooked on|live for|dig|"
    r"have a soft spot for|have a thing for|have a weakness for|cannot get enough of|cannot live without|"
    r"have always been (?:into|fond of|a fan of)|have really got into|got into|have fallen for|do like|do love|have always (?:liked|loved|enjoyed)|like nothing more than|appreciate)"
)
_DISLIKE = (
    r"(?:hate|dislike|detest|loathe|despise|cannot stand|cannot bear|cannot abide|do not (?:really |much )?(?:like|love|"
    r"enjoy|care for)|am not (?:an? |a big |a huge |much of a )*(?:fan of|into|keen on|fond of)|have never (?:liked|loved|"
    r"enjoyed)|never liked|am no fan of|have never been (?:an? |much of a |a big )*(?:fan of|into|keen on)|am sick of|am tired of|"
    r"have no love for|have an aversion to|get nothing out of)"
)
_NO_PLAY = re.compile(
    r"^(?:with|around|along|it|that|this|games? with|a role|dumb|dead|safe|by|a part|the (?!\w+$))", re.I
)
_ACTIVITY = (
    r"(?:yoga|pilates|karate|judo|taekwondo|aikido|boxing|crossfit|athletics|ballet|gymnastics|tai chi|weightlifting|"
    r"martial arts|calligraphy|pottery|crosswords|sudoku|jigsaws|puzzles|origami)"
)


def _is_hobby(words: str) -> bool:
    return is_thing(words) or (is_any(words) and re.match(r"the \w+$", words) is not None)


def _is_played(words: str) -> bool:
    return _is_hobby(words) and not _NO_PLAY.match(words)


def _is_eaten(words: str) -> bool:
    return is_thing(words) and not re.match(
        r"(?:alone|out|at|in|before|after|with|well|much|enough|breakfast)\b", words
    )


def _is_made_of_words(words: str) -> bool:
    return is_any(words) and not re.search(r"\b(?:you|your|it|that|this|one|option|\d)\b", words)


TASTE_RULES: tuple[Rule, ...] = (
    rule("favourite:{n}", r"{my} (?:new |all-time )?favourite (?P<n>[a-z ]{2,24}?) is(?: now)? {x}",
         "Your favourite {n} is {x}", _is_made_of_words),
    rule("favourite:{n}", r"(?P<x>.+?) is {my} (?:new |all-time )?favourite (?P<n>[a-z ]{2,24})",
         "Your favourite {n} is {x}", _is_made_of_words),
    rule("favourite:{n}", r"the (?P<n>[a-z]{3,16}) {s} like (?:most|best) is {x}|of all (?P<m>[a-z]{3,16})s {s} like (?P<y>.+?)"
         r" (?:best|most)", "Your favourite {n} is {x}", _is_made_of_words),
    rule("prefers", r"{s} (?:would )?prefer (?P<x>.+? (?:to|over|rather than) .+)", "You prefer {x}", _is_made_of_words),
    rule("prefers", r"{s} like (?P<x>.+?) (?:better|more) than (?P<y>.+)", "You prefer {x} to {y}", _is_made_of_words),
    rule("prefers", r"{s} (?:always |usually |generally )?prefer to (?:drink|eat|have|take) {x}", "You prefer {x}", is_thing),
    rule("prefers", r"{s} (?:favou?r|choose|pick) (?P<x>.+? over .+)|(?P<y>.+? over .+?) any day", "You prefer {x}",
         _is_made_of_words),
    rule("prefers", r"{s} prefer {x}", "You prefer {x}", is_thing),
    rule("likes", r"{s} like (?:to play|playing) {x}", "You like playing {x}", _is_played, parts=True),
    rule("hobby", r"{my} (?:main |favourite |biggest )?hobb(?:y|ies) (?:is|are) {x}", "Your hobby is {x}", _is_hobby, parts=True),
    rule("hobby", r"{x} (?:is|are) {my} (?:main |favourite |biggest )?hobb(?:y|ies)", "Your hobby is {x}", _is_hobby),
    rule("hobby", r"{s} (?:play|am playing|have been playing|can play|have played|started playing|have started playing|"
         r"took up playing) (?:the )?{x}", "You play {x}", _is_played, parts=True),
    rule("hobby", r"{s} (?:go|do a lot of|started|have taken up|took up|have started) (?P<x>[a-z-]+ing)", "You go {x}",
         lambda x: x not in ("according", "nothing", "something", "everything", "anything", "working", "going", "looking")),
    rule("hobby", rf"{{s}} (?:do|practise|practice|have taken up|took up) (?P<x>{_ACTIVITY})", "You do {x}"),
    rule("hobby", r"{s} am (?P<x>an? (?:keen|avid|passionate|amateur|hobby|enthusiastic|competitive|recreational) .+)", "You are {x}"),
    rule("hobby", r"{s} (?P<x>sing|paint|knit|sew|dance|climb|surf|ski|snowboard|bake|garden|draw|jog|fish|sail|crochet|box|skate|"
         r"fence|row|dive|juggle|brew beer|keep bees|write poetry|write poems|make pottery)(?: a lot| every day| regularly)?",
         "You {x}"),
    rule("hobby", r"{s} spend (?:{my} )?(?:weekends|evenings|free time|spare time|sundays|saturdays|mornings) {x}",
         "You spend free time {x}", is_thing),
    rule("hobby", r"{s} collect {x}", "You collect {x}", is_thing),
    rule("hobby", r"{s} (?:dance|practise|practice) {x}", "You dance {x}", is_thing),
    rule("likes", r"{x} (?:is|are) (?:something|a thing|what) {s} (?:really |truly |absolutely )?(?:like|love|enjoy|adore)",
         "You like {x}", is_thing),
    rule("likes", r"{x} (?:is|are) {my} (?:great |big |biggest |true )?(?:passion|thing|guilty pleasure|weakness)|"
         r"{my} (?:great |big |biggest |true )?(?:passion|guilty pleasure) is (?P<y>.+)|nothing beats (?P<z>.+?)(?: for me)?|"
         r"what {s} (?:like|love|enjoy) (?:most|best) is (?P<w>.+)", "You like {x}", is_thing),
    rule("dislikes", r"{x} (?:is|are) (?:something|a thing|what) {s} (?:really )?(?:hate|dislike|do not like|cannot stand)|"
         r"(?P<y>.+?) (?:is|are) not (?:{my} (?:thing|cup of tea)|for me)(?: at all)?|{s} (?:find|think) (?P<z>.+?) (?:is |are )?"
         r"(?:disgusting|awful|horrible|gross|revolting|terrible)|(?P<w>.+?) disgusts? me", "You do not like {x}", is_thing),
    rule("dislikes", r"(?:not a (?:big )?fan of|not into|not keen on) {x}", "You do not like {x}", is_thing, parts=True),
    rule("dislikes", rf"{{s}} {_DISLIKE} {{x}}", "You do not like {x}", is_thing, parts=True),
    rule("likes", rf"{{s}} {_LIKE} {{x}}", "You like {x}", is_thing, parts=True),
    rule("avoids", r"{s} (?:do not|never|cannot|no longer) (?:eat|have any|touch|digest|tolerate) (?:any )?{x}(?: any more)?",
         "You do not eat {x}", _is_eaten, parts=True),
    rule("avoids", r"{x} (?:is|are) (?:something {s} (?:do not eat|never eat|avoid|cannot eat)|off limits for me)|"
         r"no (?P<y>.+?) for me", "You do not eat {x}", _is_eaten),
    rule("avoids", r"{s} (?:have cut out|have cut down on|am off|am avoiding|cut out) {x}", "You avoid {x}", _is_eaten),
    rule("avoids", r"{s} (?:avoid|stay away from|steer clear of) {x}", "You avoid {x}", _is_eaten, parts=True),
    rule("avoids", r"{s} (?:do not|never|cannot|no longer) (?P<n>drink|smoke)(?: any more)?(?P<x>)", "You do not {n}"),
    rule("avoids", r"{s} (?:do not|never|cannot|no longer) drink (?:any )?{x}(?: any more)?", "You do not drink {x}", _is_eaten,
         parts=True),
    rule("diet", r"{s} (?:only eat|eat only) {x}", "You only eat {x}", _is_eaten),
    rule("drinks", r"{s} (?:drink|take|have|like) (?:my|our) (?P<x>(?:coffee|tea|espresso|whisky|water) .+)", "You drink your {x}"),
    rule("drinks", r"{s} drink {x}", "You drink {x}", _is_eaten, parts=True),
)  # fmt: skip
