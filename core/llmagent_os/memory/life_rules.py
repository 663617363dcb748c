"""Rules for what people state about their lives: home, work, family, animals, languages, days and sizes.

Each rule is a topic, a pattern of a whole clause (:mod:`llmagent_os.memory.clauses`) whose group ``x`` is the value, the
statement in the second person, and a check of the value.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from llmagent_os.memory.values import (
    IsValue,
    is_any,
    is_company,
    is_date,
    is_device,
    is_job,
    is_language,
    is_name,
    is_place,
    word_list,
)


class Rule(NamedTuple):
    """How one kind of statement is worded."""

    topic: str  #: ``{n}`` stands for the group ``n``: ``relation:{n}``
    pattern: re.Pattern[str]
    text: str  #: the statement; ``{x}`` stands for the value, ``{n}`` for the group ``n``
    is_value: IsValue = is_any
    parts: bool = False  #: "tea and coffee" are two statements


def rule(topic: str, pattern: str, text: str, is_value: IsValue = is_any, *, parts: bool = False) -> Rule:
    """Make a rule. In ``pattern``, ``{s}`` is the subject and ``{x}`` the value."""
    spelled = pattern.replace("{s}", "(?:i|we)").replace("{x}", "(?P<x>.+?)").replace("{my}", "(?:my|our)")
    return Rule(topic, re.compile(spelled, re.IGNORECASE), text, is_value, parts)


_PETS = "|".join(sorted(map(re.escape, word_list("pets")), key=len, reverse=True))
_DIETS = "|".join(sorted(map(re.escape, word_list("diets")), key=len, reverse=True))
_CHILD = r"(?P<n>(?:little |elder |eldest |older |younger |youngest |baby )?(?:son|daughter|boy|girl|baby|kid|child))"
_PARTNER = r"(?P<n>wife|husband|partner|girlfriend|boyfriend|fianc[eé]e?|spouse)"
_RELATION = (
    r"(?P<n>boss|manager|supervisor|team lead|team leader|doctor|gp|dentist|therapist|physio|landlord|landlady|"
    r"best friend|mother|mum|mom|father|dad|hairdresser|coach|tutor|professor|assistant|accountant|lawyer|neighbou?r)"
)
_RELATIVE = r"(?P<n>(?:older |younger |little |big |twin |elder )?(?:brother|sister))"
_NAMED = r"(?: (?:is|are)(?: now)?(?: called| named)? |(?:'s|s') name is |'s called )"
_VEHICLE = (
    r"(?P<x>(?:my )?(?:bike|bicycle|e-bike|car|train|bus|tram|metro|subway|underground|tube|foot|ferry|scooter|"
    r"motorbike|taxi|public transport|boat|skateboard))"
)
_WORKPLACE = r"(?:work|the office|my office|school|uni|university|my job)"
_DAYS = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
_OFTEN = rf"(?:on {_DAYS}s?(?:(?:,| and| or) {_DAYS})*|every (?:\w+ )?\w+|(?:in the )?(?:mornings|evenings|afternoons)|daily)"


def _is_called(words: str) -> bool:
    """Whether words are a name in the middle of a sentence, where only names are written with a capital."""
    return is_name(words) and words[:1].isupper()


def _is_firm(words: str) -> bool:
    """Whether words are a company written like a name."""
    return is_company(words) and words[:1].isupper()


def _is_town(words: str) -> bool:
    """Whether words are a place written like a name."""
    return is_place(words) and words[:1].isupper()


def _is_size(words: str) -> bool:
    return (
        re.fullmatch(r"(?:an? )?(?:[\d.,/ ½]{1,8}|x{0,4}(?:s|m|l)|small|medium|(?:extra )?large)", words, re.I)
        is not None
    )


LIFE_RULES: tuple[Rule, ...] = (
    # name and home, which the profile keeps where it can be set
    rule("name", r"(?:my name is|{s} am called|call me|{s} go by) {x}", "Your name is {x}", is_name),
    rule("home", r"{s} (?:live|lives|living|am living|are living|have been living|have lived|am based|are based|reside|"
         r"have settled|settled|am located) (?:over |down |up |out )?in {x}", "You live in {x}", is_place),
    rule("home", r"{s} (?:have )?(?:just )?(?:moved|relocated|am relocated)(?: over| back| house)?(?: from .+?)? to {x}",
         "You live in {x}", is_place),
    rule("home", r"{x} is (?:where {s} live|{my} (?:new )?home(?: town)?|home)|{s} call (?P<y>.+) home", "You live in {x}",
         _is_town),
    rule("home", r"{s} (?:have|bought|rent|own|have bought|have rented) an? (?:\w+ )?(?:flat|house|apartment|place|home) in {x}",
         "You live in {x}", is_place),
    rule("home", r"(?:{my} (?:new )?(?:home|house|flat|apartment|home town|city|town|place) is(?: now)?(?: in)?|home is) {x}",
         "You live in {x}", _is_town),
    rule("dwelling", r"{s} live in {x}", "You live in {x}",
         lambda x: re.match(r"(?:a|an|the) .*(?:flat|house|apartment|studio|village|city|suburbs?|countryside|boat|farm|"
                            r"commune|caravan|centre|center|block)\b", x, re.IGNORECASE) is not None),
    rule("origin", r"{s} (?:am|are|come) (?:originally )?from {x}|{s} (?:was|were) born in (?P<y>.+)|{s} grew up in (?P<z>.+)|"
         r"{my} hometown is (?P<w>.+)", "You come from {x}", is_place),
    rule("nationality", r"{s} am (?P<x>american|australian|austrian|belgian|brazilian|british|bulgarian|canadian|chinese|"
         r"croatian|czech|danish|dutch|egyptian|english|finnish|french|german|greek|hungarian|icelandic|indian|"
         r"indonesian|iranian|iraqi|irish|israeli|italian|jamaican|japanese|kenyan|korean|lebanese|mexican|moroccan|"
         r"nigerian|norwegian|pakistani|polish|portuguese|romanian|russian|scottish|serbian|slovak|slovenian|spanish|"
         r"swedish|swiss|syrian|thai|tunisian|turkish|ukrainian|vietnamese|welsh)", "You are {x}"),
    # work and school
    rule("employer", r"{s} (?:have )?(?:work|works|working|worked|am working|have been working|am employed|been employed)"
         r" (?:for|at)(?: a company called)? {x}", "You work at {x}", is_company),
    rule("employer", r"{s} (?:work|am working|have been working|am employed) (?:with|by) {x}", "You work at {x}", _is_firm),
    rule("employer", r"{s} (?:have )?(?:started|joined|am starting)(?: (?:a )?(?:new )?(?:job|work|working))?"
         r"(?: at| with| for)? {x}", "You work at {x}", _is_firm),
    rule("employer", r"{my} (?:new )?(?:employer|company|workplace|firm) is(?: called)? {x}", "You work at {x}", is_company),
    rule("employer", r"{s} have (?:found |got )?a (?:new )?job (?:at|with) {x}", "You work at {x}", is_company),
    rule("employer", r"{s} (?:got hired by|was hired by|got hired at|moved on to)"
         r"(?: the company)? {x}(?: now| these days)?", "You work at {x}", _is_firm),
    rule("employer", r"{x} (?:hired|employs) me", "You work at {x}", is_company),
    rule("job", r"{s} (?:work|am) in (?P<x>(?:marketing|sales|finance|it|tech|hr|human resources|logistics|education|"
         r"healthcare|health care|construction|insurance|banking|advertising|publishing|retail|hospitality|research|"
         r"engineering|consulting|accounting|real estate|customer service|the public sector|film|television|radio))",
         "You work in {x}"),
    rule("job", r"{s} (?P<n>teach|run|own|manage) (?P<x>(?:maths?|physics|chemistry|biology|history|music|art|geography|"
         r"english|german|french|spanish|primary school|yoga|an? (?:small )?(?:\w+ )?(?:shop|store|bakery|cafe|café|"
         r"restaurant|bar|company|business|agency|studio|farm|hotel|startup|start-up|practice))(?: at .+| in .+)?)",
         "You {n} {x}"),
    rule("job", r"{s} (?:have )?(?:work|works|working|am working|have been working|am employed|earn my living|make a "
         r"living|retrained and work|trained) as (?:an? |the )?{x}(?: (?:at|for|in) .+)?", "You work as {x}",
         lambda x: is_any(x) and not re.match(r"(?:we|i|you|a team|usual|normal|planned|expected|hard|much|long)\b", x)),
    rule("job", r"(?:by profession|by trade|professionally|for a living),? {s} am (?:an? )?{x}", "You work as {x}"),
    rule("job", r"{my} (?:new )?(?:job|profession|occupation|day job) is(?: being)? (?:an? )?{x}", "You work as {x}", is_job),
    rule("job", r"{s} (?:am|became|have become|have been|got promoted to|was promoted to|am training to be|got a job as|"
         r"got a new job as|have a job as|have a new job as) (?:an? |the )?{x}(?: by (?:profession|trade))?(?: (?:at|for) .+)?",
         "You work as {x}", is_job),
    rule("job", r"{s} am (?:an? )?(?P<x>retired|self-employed|self employed|unemployed|on parental leave|"
         r"stay-at-home (?:mum|mom|dad|parent))", "You are {x}"),
    rule("school", r"{s} (?:go to school at|study at|am studying at|am a student at|attend|go to university (?:at|in)|"
         r"am enrolled at) {x}", "You study at {x}", is_company),
    rule("studies", r"{s} (?:study|am studying|major in|am majoring in|am doing a (?:degree|phd|masters?) in) {x}(?: at .+)?",
         "You study {x}", lambda x: is_any(x) and not re.match(r"(?:for|at|in|it|this|that|the|a|an|hard)\b", x)),
    # days, ages and sizes
    rule("birthday", r"{s} (?:turn|am turning|turned) \d+ on {x}|{my} b-?day is(?: on)? (?P<y>.+)", "Your birthday is {x}", is_date),
    rule("birthday", r"{my} birthday(?: is|'s)?(?: on| in)? {x}|{s} (?:was|were) born on (?P<y>.+)|"
         r"(?P<z>.+) is {my} birthday|{s} have {my} birthday on (?P<w>.+)", "Your birthday is {x}", is_date),
    rule("age", r"{s} (?:am|turned|just turned) (?P<x>\d{1,3})(?: years?(?: old)?)?", "You are {x} years old"),
    rule("size", r"{my} (?P<n>(?:shoe|dress|ring|shirt|t-shirt|trouser|jacket|hat|glove|clothes|clothing|jeans|bra|suit) "
         r"size) is(?: an?)? {x}", "Your {n} is {x}", _is_size),
    rule("size", r"{s} (?:wear|take|need|have)(?: an?)? (?P<n>shoe |dress |shirt )?size {x}(?: (?P<m>shoes?|clothes|shirts?|"
         r"trousers))?", "Your {n}size is {x}", _is_size),
    rule("height", r"{s} am (?P<x>[\d.,' ]+ ?(?:cm|m|ft|feet|metres?|meters?|foot)\b.*?)(?: tall)?", "You are {x} tall"),
    # family and animals
    rule("status", r"{s} (?:am|are|got|have been) (?P<x>married|single|divorced|engaged|widowed|separated|pregnant)",
         "You are {x}"),
    rule("partner", rf"{{my}} {_PARTNER}{_NAMED}{{x}}", "Your {n} is called {x}", is_name),
    rule("partner", rf"(?P<x>.+?) is {{my}} {_PARTNER}", "Your {n} is called {x}", is_name),
    rule("partner", r"{s} (?:am|are|got) (?P<n>married|engaged) to {x}", "You are {n} to {x}", is_name),
    rule("partner", rf"{{my}} {_PARTNER},? (?P<x>[^\W\d_][\w'-]+),? (?:.+)", "Your {n} is called {x}", _is_called),
    rule("child", rf"{{my}} {_CHILD},? (?P<x>[^\W\d_][\w'-]+),? (?:.+)", "Your {n} is called {x}", _is_called),
    rule("child", rf"{{my}} {_CHILD}{_NAMED}{{x}}", "Your {n} is called {x}", is_name),
    rule("child", rf"{{s}} have an? {_CHILD}(?: called| named|,| whose name is) {{x}}", "Your {n} is called {x}", is_name),
    rule("child", rf"(?P<x>.+?) is {{my}} {_CHILD}", "Your {n} is called {x}", is_name),
    rule("child", rf"{{s}} (?:am|are) (?:the )?(?:mother|father|mum|mom|dad|parents?)(?: of|,)(?: an?)? {_CHILD}(?: called| "
         r"named|,) {x}", "Your {n} is called {x}", is_name),
    rule("children", r"{s} have (?P<x>(?:no|two|three|four|five|six|\d) (?:kids|children|sons|daughters|boys|girls))",
         "You have {x}"),
    rule("pet", rf"{{my}} (?P<n>{_PETS}){_NAMED}{{x}}", "You have a {n} called {x}", is_name),
    rule("pet", rf"{{s}} (?:have|own|keep|adopted|live with|share my home with)(?: just)? an? (?P<n>(?:\w+ )?(?:{_PETS}))"
         r"(?: called| named|,| whose name is|, (?:her|his|its) name is) {x}", "You have a {n} called {x}", is_name),
    rule("pet", rf"{{my}} (?P<n>{_PETS}),? (?P<x>[^\W\d_][\w'-]+),? (?:.+)", "You have a {n} called {x}", _is_called),
    rule("pet", rf"(?P<x>.+?) is {{my}} (?P<n>{_PETS})", "You have a {n} called {x}", is_name),
    rule("pet", rf"{{s}} (?:have|own|keep|adopted|got) (?P<x>(?:an?|one|two|three|four|five|\d+) (?:\w+ )?(?:{_PETS})s?)",
         "You have {x}"),
    rule("relation:{n}", rf"{{my}} (?:new )?{_RELATION}{_NAMED}{{x}}", "Your {n} is {x}", is_name),
    rule("relation:{n}", rf"(?P<x>.+?) is {{my}} (?:new )?{_RELATION}", "Your {n} is {x}", is_name),
    rule("relation:{n}", rf"{{s}} have a new {_RELATION}(?: called|,| named) {{x}}", "Your {n} is {x}", is_name),
    rule("relation:{n}", rf"the name of {{my}} {_RELATION} is {{x}}", "Your {n} is {x}", is_name),
    rule("relative", rf"{{my}} {_RELATIVE}{_NAMED}{{x}}", "Your {n} is called {x}", is_name),
    rule("relative", rf"{{s}} have an? {_RELATIVE}(?: called| named|,) {{x}}", "Your {n} is called {x}", is_name),
    # languages
    rule("language", r"{s} (?:speak|can speak|am fluent in|know how to speak|grew up speaking|grew up with|am bilingual in)"
         r"(?: an?)?(?: little| (?:tiny )?bit of| some| fluent| good| decent| basic)? {x}(?: fluently| well| at home| a "
         r"(?:little|bit))?", "You speak {x}", is_language, parts=True),
    rule("language", r"(?:{my} (?:native language|first language|mother tongue|native tongue|second language) is {x}|"
         r"(?P<y>.+?) is {my} (?:native language|first language|mother tongue|native tongue))", "You speak {x}", is_language),
    rule("learning", r"{s} (?:am|have been|have started|started|have begun|began|am trying|try)(?: to)? ?(?:learning|learn) "
         r"(?:how )?(?:the )?{x}",
         "You are learning {x}", lambda x: is_any(x) and not re.match(r"(?:from|that|about|it|this|a lot)\b", x)),
    rule("learning", r"{s} (?:am taking|take|have started|started|am having|have) {x} (?:lessons|classes)|"
         r"{s} (?:am taking|take|am doing) a course in (?P<y>.+)", "You are learning {x}", parts=True),
    rule("goal", r"{s} am (?:training|preparing) for (?P<x>(?:an?|the|my) .+)", "You are training for {x}"),
    rule("goal", r"{s} am saving(?: up)? for (?P<x>.+)", "You are saving for {x}"),
    # ways, devices and days
    rule("commute", rf"{{s}} (?:go|get|travel|come|commute|cycle|ride)(?: to {_WORKPLACE})? (?:by|on) {_VEHICLE}"
         rf"(?: to {_WORKPLACE})?", "You go to work by {x}"),
    rule("commute", rf"{{s}} (?:take|use|ride) (?:the |my |a )?{_VEHICLE} to (?:get to )?{_WORKPLACE}", "You go to work by {x}"),
    rule("commute", rf"{{s}} (?P<x>walk|cycle|bike|drive|run) to {_WORKPLACE}", "You {x} to work"),
    rule("commute", rf"{{my}} commute is(?: by)? {_VEHICLE}", "You go to work by {x}"),
    rule("car", r"{s} drive (?P<x>an? .+)|{my} car is (?P<y>an? .+)", "You drive {x}"),
    rule("owns", r"{s} (?:have|own|bought|got)(?: just)? (?P<x>(?:an? |my own |two )(?:new )?.+?)", "You have {x}", is_device),
    rule("owns", r"{my} (?P<n>phone|laptop|computer|tablet|watch|bike|camera|car) is (?:an? )?{x}", "Your {n} is a {x}"),
    rule("uses", r"{s} (?:use|am using|work on|work with|am on|switched to|have switched to)(?: an?)? {x}", "You use {x}",
         is_device),
    rule("routine", rf"{{s}} (?P<x>(?:do not |never |always )?(?:work|have|go|do|play|meet|train|practise|practice|run|swim|"
         rf"cook|volunteer|teach|visit|attend|am|call|take)\b.* {_OFTEN})", "You {x}"),
    rule("routine", rf"(?P<y>{_OFTEN}),? {{s}} (?P<x>(?:do not |never |always )?(?:work|have|go|do|play|meet|train|run|swim|"
         r"cook|volunteer|teach|visit|attend|call|take)\b.*)", "You {x} {y}"),
    rule("routine", rf"{{s}} (?P<x>(?:have|take) {_DAYS} off)", "You {x}"),
    rule("routine", r"{my} day off is {x}", "Your day off is {x}"),
    rule("routine", r"{s} (?P<x>do not (?:take|do|have|accept|like) (?:calls|meetings|appointments) (?:before|after|on) .+)",
         "You {x}"),
    rule("routine", r"{s} (?P<x>(?:work|am working) (?:part[- ]time|full[- ]time|from home|remotely|night shifts?|nights|"
         r"shifts|late shifts?|early shifts?|four days a week|\w+ hours a (?:day|week)))", "You {x}"),
    rule("habit:{n}", r"{s} (?:usually |always |normally )?(?P<n>get up|wake up|go to bed|go to sleep|start work|start working|"
         r"finish work|stop working|have lunch|have dinner|have breakfast|eat lunch|eat dinner)(?: at| around| by| before)"
         r" (?P<x>[\w:. ]{1,20})", "You {n} at {x}"),
    rule("trait", r"{s} am (?P<x>(?:not )?(?:an? )?(?:morning person|night owl|early bird|early riser|introvert|extrovert|"
         r"left-handed|right-handed|colou?r-?blind|deaf|blind|ambidextrous|dyslexic|only child|vegan at heart|"
         r"people person|cat person|dog person|non-smoker|smoker))", "You are {x}"),
    rule("pronouns", r"{my} pronouns are {x}|{s} use (?P<y>(?:he|she|they)/\w+)(?: pronouns)?", "Your pronouns are {x}"),
    rule("member", r"{s} am (?:an? )?(?:proud )?members? of {x}|{s} (?:play|sing) in (?P<y>an? .+)", "You are a member of {x}"),
    # food that is a matter of health or belief, stated without a like
    rule("diet", rf"{{s}} (?:am|are|went|have been|have become|became|have gone|eat|live|keep|am on an?|turned)"
         rf"(?: (?:only|strictly))? ?(?:an? )?(?:strict |lifelong |committed |full )?(?P<x>{_DIETS})(?: (?:diet|food|only))?",
         "You are {x}"),
    rule("allergy", r"{s} (?:am|are|have become|became) allergic to {x}", "You are allergic to {x}", parts=True),
    rule("allergy", r"{s} (?:have|suffer from) (?:an? )?(?:bad |severe |serious |strong |mild )?{x} allerg(?:y|ies)",
         "You are allergic to {x}", parts=True),
    rule("allergy", r"{s} have (?:an? )?(?:bad |severe |serious |strong |mild )?allerg(?:y|ies) to {x}",
         "You are allergic to {x}", parts=True),
)  # fmt: skip
