"""What people say around a request: greetings, courtesy, filler. None of it changes what is asked.

>>> plain("hey, could you please move the gym to 6? thanks!")
'move the gym to 6'
"""

from __future__ import annotations

import re
from functools import lru_cache

_GREETING = (
    r"hey|hi|hello|hiya|yo|good (?:morning|afternoon|evening|day)|morning|ok|okay|oki|alright|all right|right|so|well"
    r"|um+|uh+|hmm+|er+m?|oh|ah|aha|btw|by the way|also|and|plus|then|next|now|anyway|anyways|actually|listen|look"
    r"|sorry|basically|before i forget|fyi|reminder to self|hmm ok|see"
    r"|excuse me|quick one|quick question|one more(?: thing)?|another one|(?:first|second|third)(?=\s*[,:])"
    r"|firstly|secondly|finally|lastly|after that|yes|yeah|yep|yup|sure|great|cool|perfect"
    r"|thanks(?: (?:a lot|so much|a million))?|thank you(?: (?:(?:so )+|very )much)?"
    r"|awesome|nice|honestly|righto|(?:oh )?my (?:god|gosh|goodness)|gosh|jeez|blimey|fine|yikes|yay|omg"
    r"|(?:(?:i )?(?:nearly |almost |totally )*forgot)(?=\s*[,:–-])"
    r"|like(?=\s(?:put|add|can|could|book|stick|pop|move|cancel|delete|remind)\b)|mate"
    r"|bro|dude|pal"
    r"|in addition|additionally|bot"
    r"|calendar|assistant|there(?! (?:is|are|will)\b)|again|still|but|because of that|therefore|wait"
    r"|ooh|argh|ugh|phew|lol|haha|dear"
    r"|(?:i(?:'ve| have)(?: got)? )?(?:two|three|a few|a couple of|some) things(?: please| for you| today)?"
)
_COURTESY = (
    r"to(?=\s(?:make|add|put|set|create|book|schedule|remind)\b)|please|kindly|pls"
    r"|be so kind (?:and|as to|to)|just|possibly|quickly|simply|go ahead and|go and"
    r"|make sure (?:to|you)|be sure to|try to"
    r"|(?:can|could|would|will|may|might|won't|can't|couldn't) (?:you|u|we|i)(?: (?:please|maybe|possibly|kindly|just"
    r"|also|perhaps|quickly|then|be able to|help me(?: to)?|be so kind (?:as )?to|go ahead and|try to))*"
    r"|i was (?:wondering|hoping|going to ask)(?: if| whether| that)? you (?:could|can|would|might)"
    r"(?: (?:please|possibly|maybe|perhaps|just|kindly))*"
    r"|i(?: would|'d) (?:really )?(?:appreciate it|be grateful|love it) if you (?:could|would|can)"
    r"|it would be (?:great"
    r"|nice|good"
    r"|lovely) if you could|i'd (?:really )?appreciate it if you (?:could|would)"
    r"|do you think you (?:could|can)|is it possible (?:for you )?to|would it be possible (?:for you )?to"
    r"|i (?:want|need|would like|'d like|would love|'d love|'d want) you to"
    r"|i'd (?:like|love|want) (?:you )?to|i (?:want|wish|would like|would love) to|let's|let us|lets|let me(?! know)"
)
#: The name by which somebody calls an assistant.
_NAME = (
    r"(?-i:[A-Z])\w+(?=,\s*(?:please|can|could|would|will|add|put|set|remind|schedule|book|cancel|delete|remove|move"
    r"|what|when|show|tell|clear|erase))|(?:hey |ok |okay )?(?:alexa|siri|google|cortana|jarvis|computer)"
)
_BEFORE = re.compile(rf"(?:(?:{_NAME}|{_GREETING}|{_COURTESY})(?=[\s,.!:;–-]|$)[\s,.!:;–-]*)+", re.IGNORECASE)

_AFTER = re.compile(
    r"[\s,.!?;:–-]*(?:(?:^|(?<=[\s,.!?;:–\ue000-\uf8ff-]))(?:please|pls|kindly|thanks(?: (?:a lot|so much"
    r"|in advance|a"
    r" million))?|thank you"
    r"(?: (?:(?:so )+much|very much|in advance))?|thx|cheers|ta|for me|ok|okay|k|as well|too|also|instead|of course"
    r"|mate|buddy"
    r"|dude|man|dear|bro|(?:can|could|would|will) (?:you|u)(?: please)?|if (?:you can|possible|that's (?:ok|okay"
    r"|possible"
    r"|alright|fine)|you don't mind|you could|you would)|i guess|i think|lol|haha|right away|now|asap|alright|all"
    r" right|right"
    r"|before i forget(?: it| again)?|so (?:that )?i (?:don't|won't) forget(?: it| again)?|in case i forget"
    r"|or i(?:'ll"
    r"| will)"
    r" forget(?: it)?|while i (?:remember|think of it)|or else i(?:'ll| will) forget|that(?:'s| is) (?:all|it)|easy"
    r"|love|will you"
    r"|don't forget(?: it)?|it's important|important|xx?|:\)|;\)|:-\)"
    r"|[^\w\s\"'“”()\[\]&%$€£+@#\ue000-\uf8ff,.!?;:–-])[\s,.!?;:–-]*)+$",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"[\s,;–-]+(?:because|cause|'cause|cuz|coz|bc|otherwise|so (?:that )?(?:i|we|she|he|they)|since (?:i|we|my|she|he"
    r"|they)"
    r"|as i|before i|in case (?:i|we))\b[^\ue000-\uf8ff]*$",
    re.IGNORECASE,
)


def before_request(text: str) -> int:
    """Return the number of characters of greetings and courtesy in front of a request."""
    match = _BEFORE.match(text)
    return match.end() if match else 0


def after_request(text: str) -> int:
    """Return where the courtesy and the reasons behind a request begin.

    Args:
        text: the request, with marks for its time mentions: a reason that says a time is none.
    """
    end = len(text)
    while True:
        match = _AFTER.search(text, 0, end) or _REASON.search(text, 0, end)
        if match is None or match.start() == match.end():
            return len(text[:end].rstrip(" ,.!?;:–-"))
        end = match.start()


@lru_cache(maxsize=64)  # all readers of a clause ask for it, one after the other
def plain(text: str) -> str:
    """Return a request without greetings, courtesy and reasons around it."""
    text = text.strip()
    text = text[before_request(text) :]
    return text[: after_request(text)]
