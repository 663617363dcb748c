"""Reads what people ask about their memories in words: to see them, to have one deleted, to turn them off or on."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

LONGEST = 200  #: characters of a message that is read

Kind = Literal["show", "forget", "off", "on", "ask", "remember"]

_LEAD = re.compile(
    r"^(?:(?:please|hey|hi|hello|ok|okay|so|and|well|bot|can you|could you|would you|will you|tell me|actually|now|"
    r"i want you to|i'd like you to|you can|you should|say)[, ]+)+",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"(?:[, ]+(?:please|pls|thanks|thank you|now|then|again|so far|already|at the moment|exactly))+$", re.I
)
_SHOW = re.compile(
    r"what (?:all )?(?:do|did|else do|have) you (?:still )?(?:know|remember|store|keep|save|have|learned|"
    r"remembered|stored|"
    r"kept|saved)(?: all)?(?: (?:about|on|of|from))+ me(?: all)?|what (?:do|can) you remember|"
    r"what have i (?:ever )?told you(?: (?:about|of) (?:me|myself))?|(?:show|list|read)(?: me)? (?:all )?(?:my|your) "
    r"memor(?:y|ies)(?: (?:about|of) me)?|(?:show|list)(?: me)? what you (?:know|remember|have|store|keep)(?: (?:about|"
    r"on|of) me)?|what you (?:know|remember) about me|what facts do you (?:have|keep) (?:about|on) me|my "
    r"memor(?:y|ies)",
    re.IGNORECASE,
)
_FORGET = re.compile(
    r"(?:forget|delete|remove|erase|drop|unlearn|stop remembering|don't remember|do not remember|no longer remember)"
    r"(?: (?:the fact|your memory|the memory|from your memory))?(?: that| about)? "
    r"(?P<what>(?:i|i'm|i've|i'd|we|we're|we've|my|our)\b.+|what i (?:said|told you) about (?P<about>.+))",
    re.IGNORECASE,
)
_OFF = re.compile(
    r"(?:don't|do not|stop|never|quit) (?:remember|remembering|keep|keeping|store|storing|save|saving|memori[sz]ing) "
    r"(?:any ?thing|things|facts|stuff|what i (?:say|tell you))(?: more)?(?: (?:about|on|of) me)?(?: any ?more)?|"
    r"(?:turn|switch) (?:off )?(?:your |the )?memory(?: of me)?(?: off)?|turn off your memory",
    re.IGNORECASE,
)
_ON = re.compile(
    r"(?:you (?:may|can) )?(?:remember|keep|start remembering) (?:things|facts|what i (?:say|tell you))(?: "
    r"(?:about|on|of) "
    r"me)?(?: again)?|(?:turn|switch) (?:on )(?:your |the )?memory(?: of me)?|(?:turn|switch) (?:your |the )?memory on",
    re.IGNORECASE,
)
#: A question about oneself, and the words that name what is asked for.
_ASK = re.compile(
    r"(?:what(?:'s| is| are| was)?|which|who(?:'s| is)?|when(?:'s| is)?|where|do you (?:know|remember)(?: what| "
    r"which| who| "
    r"when| where)?) (?:is |are )?(?P<my>my .+)|"
    r"(?:what|which|where|who|when|how)(?P<noun> [a-z ]{3,30}?)? (?:do|am|did|have|can) i (?P<do>(?:not )?(?:like|love|"
    r"dislike|hate|prefer|enjoy|eat|drink|play|speak|learn|learning|work|working|live|living|study|studying|drive|use|own|"
    r"wear|collect|allergic to|married to|born|avoid|come from|commute|get to work|go to work)\b.*)|"
    r"(?:am i|do i|can i) (?P<am>(?:allergic|like|love|hate|prefer|eat|drink|speak|play|vegan|vegetarian|work|"
    r"live)\b.*)",
    re.IGNORECASE,
)


class MemoryRequest(msgspec.Struct, frozen=True):
    """What a person asks for."""

    kind: Kind
    words: str = ""  #: the statement to forget, or what is asked for
    is_sure: bool = True  #: False: others may have a better answer


def request_in(text: str) -> MemoryRequest | None:
    """Return what a message asks about memories. None: it asks for something else.

    >>> request_in("What do you know about me?"), request_in("please forget that I like tea")
    (MemoryRequest(kind='show', words='', is_sure=True), MemoryRequest(kind='forget', words='I like tea', is_sure=True))
    >>> request_in("forget it"), request_in("what do I have tomorrow?")
    (None, None)
    """
    plain = " ".join(text.replace("’", "'").split()).rstrip("?!. ")
    if len(plain) > LONGEST:
        return None
    plain = _TAIL.sub("", _LEAD.sub("", plain))
    if _SHOW.fullmatch(plain):
        return MemoryRequest("show")
    if _OFF.fullmatch(plain):
        return MemoryRequest("off")
    if _ON.fullmatch(plain):
        return MemoryRequest("on")
    if found := _FORGET.fullmatch(plain):
        is_sure = found["about"] is not None or re.search(r"^[\w' ]{3,40}? that ", plain) is not None
        # "delete my gym" speaks of an event; "forget my gym" may speak of a memory.
        if is_sure or not re.match(r"delete|remove|erase|drop", plain, re.IGNORECASE):
            return MemoryRequest("forget", (found["about"] or found["what"]).strip(), is_sure=is_sure)
    if found := _ASK.fullmatch(plain):
        words = (found["my"] or f"{found['noun'] or ''} {found['do'] or found['am'] or ''}").strip()
        return MemoryRequest("ask", words, is_sure=False)
    return None
