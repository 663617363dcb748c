"""Tells what kind of talk a message is, where it asks for nothing: thanks, a greeting, an insult, a smile.

A message is talk if every part of it is: "ok thanks!", "good morning! lovely weather today". One part that is not, and
the message is somebody else's: "thanks, and add lunch".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from types import MappingProxyType

_VERY = r"(?:(?:so|very|really|pretty|super|quite|such|just|too|a|an|the|bit|little|absolutely|totally|fucking|damn|bloody) )*"
_YOU_ARE = r"(?:you are|you're|youre|ur|u r|you|this(?: \w+)? is|that's|that is|that was|it's|it is|what)"
_BAD = (
    r"(?:useless|stupid|dumb|idiot(?:ic)?|terrible|awful|bad|horrible|garbage|trash|crap|rubbish|annoying|worst|worthless|"
    r"pathetic|hopeless|moron|not helpful|no help|unhelpful|incompetent|shit|bullshit|nonsense|joke|broken|slow|"
    r"disappointing|liar|wrong|not right|incorrect|not what i (?:said|meant|asked(?: for)?|wanted|want))"
)
_GOOD = (
    r"(?:great|good|awesome|amazing|wonderful|brilliant|fantastic|perfect|best|cool|nice|helpful|smart|clever|sweet|star|"
    r"legend|lifesaver|life saver|excellent|lovely|cute|impressive|genius|angel|neat|fabulous|superb|marvellous|terrific)"
)
_MOOD = (
    r"(?:stressed|stressed out|tired|sad|happy|bored|sick|ill|angry|exhausted|busy|overwhelmed|lonely|hungry|excited|nervous|"
    r"worried|anxious|depressed|drunk|cold|hot|in love|fine|good|great|ok|okay|well|better|worse|confused|annoyed|upset|"
    r"frustrated|lost|scared|down|sleepy|thirsty|dying|back|here|awake|ready|lazy|swamped|burnt out|not well|unwell)"
)
_WEATHER = r"(?:weather|day|morning|evening|sunshine|sunset|snow)"
_DAY = r"(?: today| tonight| now| right now| again| this morning| this week| at the moment)*"
_NAME_OF_BOT = r"(?: (?:bot|calendar|assistant|there|again|all|everyone|friend|buddy|mate|man|dude|my friend|to you(?: too)?))*"

#: Kinds of talk, those that decide the reply first: where a message has several, the earliest here is answered.
KINDS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        kind: re.compile(rf"(?:{pattern})")
        for kind, pattern in {
            "insult": (
                rf"{_YOU_ARE} {_VERY}{_BAD}(?: (?:bot|app|thing|program|assistant|one|machine|piece of \w+|again|at this))*|"
                rf"{_BAD}(?: (?:bot|app|thing|program|assistant|machine))|idiot|moron|garbage|bullshit|rubbish|"
                r"(?:you|this|it)(?: \w+)? (?:sucks?|stinks?)|(?:fuck|screw|damn) (?:you|off|it|this)|fuck|damn|shut up|stfu|wtf|ffs|"
                r"(?:what the (?:hell|heck|fuck))|i hate (?:you|this(?: \w+)?|it)|go away|get lost|"
                r"you (?:never|don't|do not|didn't|can't) (?:even )?(?:listen|understand|get|work|do|help)(?: \w+)?(?: \w+)?(?: right)?|"
                r"(?:you )?(?:got|did|messed|screwed|mixed) (?:it|that|this|everything|that one) (?:all )?(?:wrong|up)|"
                r"you (?:messed|screwed|mixed) (?:up|it up|everything up)|wrong|(?:that's|thats) wrong|this (?:doesn't|does not) work|"
                r"you're not (?:listening|helping|helpful)|you(?:'re| are) no(?:t|) (?:good|use|help)(?: at all)?|"
                r"(?:you should not|you shouldn't) have (?:\w+ )?(?:done|added|deleted|moved|changed) (?:that|it|this)|why did you do (?:that|this|it)"
            ),
            "who_are_you": (
                r"who (?:are|r) (?:you|u)(?: exactly)?|what are you(?: exactly)?|who is this|who's this|"
                r"(?:and )?what(?:'s| is) your name|your name|do you have a name|(?:please )?introduce yourself|"
                r"who am i (?:talking|speaking|chatting|writing) (?:to|with)|tell me (?:something )?about (?:yourself|you)|"
                r"who (?:made|built|created|wrote|programmed|owns) you|what (?:should|do|can) i call you|what are you called"
            ),
            "real_person": (
                r"(?:are|r) (?:you|u) (?:a |an |really |actually )*(?:real(?: person| human)?|human(?: being)?|bot|robot|ai|a\.i\.|machine|person|alive|"
                r"computer|program|chatbot|chatgpt|gpt|siri|alexa|google|conscious|sentient|there)|"
                r"am i (?:talking|speaking|chatting|writing) (?:to|with) (?:a |an )?(?:real )?(?:bot|human|person|robot|machine|ai|computer)|"
                r"is (?:this|that|it) (?:a |an )?(?:bot|human|real person|robot|ai|machine|person)|is anyone there|is somebody there|anybody there|anyone there"
            ),
            "english_only": (
                r"(?:do|can|could) you (?:also )?(?:speak|talk|understand|write|know)(?: in)? (?:\w+|other languages|any other languages?)|"
                r"(?:please )?(?:speak|talk|answer|reply|write)(?: to me)? in (?:german|french|spanish|italian|portuguese|dutch|polish|turkish|russian|"
                r"ukrainian|arabic|hindi|chinese|japanese|korean|swedish|greek|czech|hungarian|my language)(?: please)?|"
                r"(?:what|which) languages? (?:do|can) you (?:speak|understand|know)"
            ),
            "what_can_you_do": (
                r"what (?:all |else )?(?:can|could|do|else can|else do) (?:you|u) (?:all )?(?:do|offer|know|help with|help me with)(?: for me| then| exactly| here)?|"
                r"what(?:'s| is| are) (?:you|this|your)(?: \w+)? (?:for|good for|good at|able to do|capable of|purpose|job|functions?|features?|commands?|skills?|abilities)|"
                r"(?:i )?(?:need |want )?(?:some )?help(?: me)?(?: please)?(?: out)?|how (?:does this|do you|does it|does that|does this \w+) work|"
                r"how (?:do|can|should) i (?:use|talk to|work with) (?:you|this|it)|(?:list |show )?(?:me )?(?:the |your )?(?:commands|menu|options|features|capabilities|instructions|manual|examples)|"
                r"(?:how )?can you help(?: me)?|what (?:should|can|could) i (?:say|ask|do|write)(?: you| here| now| to you)?|show me what you(?: can|'ve)? (?:do|got)|"
                r"how (?:do|can|would) i (?:add|create|make|delete|move|cancel|change|see|edit|remove|set)(?: up)? (?:a |an |my |the |new )*(?:events?|appointments?|meetings?|reminders?|calendar|schedule)|"
                r"start|get started|getting started|what now|what next|what do i do(?: now)?|i'?m new(?: here)?"
            ),
            "how_are_you": (
                r"(?:and )?how (?:are|r) (?:you|u|things|ya)(?: doing| today| feeling| going| this morning| tonight| all)*|how(?:'s| is) (?:it going|life|your day|everything|things)(?: going| today| so far)*|"
                r"how do you do|how (?:have you|you) been|how you doing|(?:what's|whats|what is) (?:up|new|going on|happening)|wassup|sup|"
                r"(?:are )?you (?:ok|okay|alright|all right|well|good)(?: today)?|(?:did|do) you (?:sleep|feel) (?:well|good|ok)|how do you feel(?: today)?"
            ),
            "personal": (
                r"how old are you|where (?:are|do|were) you (?:from|live|based|born|located|now)|where are you|"
                r"(?:what's|what is|whats) your (?:favou?rite .{2,30}|age|gender|birthday|job|opinion.{0,40}|address|phone number|email)|"
                r"when(?:'s| is| were)(?: your birthday| you born)|(?:do|can|would|will|could|have|did) you (?:ever )?(?:love|like|sleep|eat|drink|dream|feel|think|get tired|cry|marry|date|hate|have (?:a |an |any )?\w+|go out with)(?: \w+)?(?: \w+)?|"
                r"are you (?:married|single|happy|sad|male|female|a (?:boy|girl|man|woman)|hungry|tired|bored|busy|drunk|angry(?: with me)?|stupid|smart|gay|jewish|religious|lonely|jealous)|"
                r"what do you (?:think|feel|want|like|eat|believe)(?: about .{2,30})?|tell me (?:something|a secret|anything|something (?:nice|interesting|funny))|(?:will|do) you marry me|what's the meaning of life|what is the meaning of life"
            ),
            "is_fixed": (
                r"(?:is|are|was|has) (?:that|it|this|they|the \w+|everything)(?: been)? (?:fixed|working|sorted|resolved|solved|repaired|broken|correct|right|ok|okay|done)(?: now| yet| again| already)*|"
                r"does (?:it|that|this) work(?: now| again)?|did (?:you|they) fix (?:it|that|this|the \w+)|(?:is it )?still (?:broken|not working|wrong)|(?:it's|it is) still (?:broken|not working|wrong)|fixed(?: now| yet)?|"
                r"(?:can|could) you fix (?:it|that|this)|fix (?:it|that|this)|what(?:'s| is) wrong(?: with (?:you|it|this))?"
            ),
            "thanks": (
                r"(?:ok |okay |great |perfect |cool |nice |awesome |alright )?(?:many |big )?(?:thanks|thank (?:you|u|ya)|thank you all|thx|tnx|thnx|thanx|thks|tks|ty|tysm|tyvm|cheers|ta|danke|merci|gracias|grazie|obrigado|arigato)"
                r"(?: (?:so|very|a|much|lot|lots|bunch|ton|tons|million|again|really|you|indeed|heaps|loads|kindly|anyway|in advance|for (?:that|it|this|everything|your help|the help|your time|all your help|the info|the reminder|reminding me|letting me know|helping(?: me)?|(?:your|the) (?:quick |fast )?(?:reply|answer|work|reminders?))))*"
                rf"{_NAME_OF_BOT}|much (?:appreciated|obliged)|(?:i )?(?:really )?appreciate (?:it|that|you|your help|the help)|(?:that's|that is|that was) (?:very |so )?(?:kind|nice|helpful)(?: of you)?|i owe you(?: one)?|god bless(?: you)?|bless you"
            ),
            "apology": r"(?:i'?m |i am |oh |oops |so |very )*sorry(?: about (?:that|this|it))?|(?:my )?(?:bad|mistake|fault|apologies)|i apologi[sz]e|oops|whoops|pardon(?: me)?|excuse me|forgive me",
            "night": r"(?:good ?night|gn|g'?night|nighty night|night night|sleep (?:well|tight)|sweet dreams|(?:i'?m )?(?:off|going) to bed|time for bed)(?: \w+)?",
            "bye": (
                r"(?:bye|goodbye|good bye|bye bye|byebye|ciao|cya|adios|farewell|au revoir|see (?:you|ya|u)(?: all)?(?: later| soon| tomorrow| around| then| next time| next week| on monday)?|"
                r"laters|take care|ttyl|(?:talk|speak|catch|see) (?:to )?(?:you|ya|u) (?:later|soon|tomorrow)|until (?:tomorrow|next time|then)|so long|"
                r"(?:i|we) (?:have|got|'ve got|have got|gotta|need|must) (?:to )?(?:go|run|leave)(?: now)?|gotta (?:go|run)|gtg|g2g|brb|be right back|i'?m (?:off|leaving|out))"
                rf"{_NAME_OF_BOT}"
            ),
            "hello": (
                r"(?:hi|hii|hello|helloo|hey|heyy|hiya|howdy|yo|yoo|greetings|hallo|hullo|hola|aloha|gm|welcome(?: back)?|good ?(?:morning|afternoon|evening|day)|morning|evening|afternoon|"
                r"top of the morning|(?:nice|good|great) to (?:meet|see) you|long time no see|knock knock|(?:is )?(?:anyone|anybody|someone) (?:there|here|home)|hello world|ping|test(?:ing)?(?: test)*|can you hear me|i'?m back)"
                rf"{_NAME_OF_BOT}"
            ),
            "wishes": (
                r"(?:i wish you )?(?:a )?(?:happy|merry|joyful|blessed) (?:birthday|new year|christmas|xmas|easter|holidays?|halloween|thanksgiving|monday|tuesday|wednesday|thursday|friday|saturday|sunday|weekend|diwali|hanukkah|eid)(?: to you| everyone| too)*|"
                r"(?:have|enjoy)(?: a| your| the)? ?(?:good|great|nice|lovely|wonderful|fantastic|pleasant)? ?(?:day|one|evening|weekend|week|morning|afternoon|trip|time|holidays?|vacation)(?: too| everyone)*|"
                r"(?:good luck|congratulations|congrats|cheers to that|get well soon|same to you|you too|likewise|and you)"
            ),
            "compliment": (
                rf"{_YOU_ARE} {_VERY}{_GOOD}(?: (?:job|work|bot|one|stuff|idea|news|assistant|app|at this|help|to me|thing))*|{_VERY}{_GOOD}(?: (?:job|work|bot|one|stuff|idea|news|boy|girl|assistant|thing|answer))*|well done|"
                r"(?:i )?(?:really |just )?(?:love|like|adore) (?:you|it|this|that|this bot|this app|your (?:work|answers|style))(?: so much| a lot)?|bravo|kudos|you rock|you're (?:my hero|the man)|wow|yay|woohoo|hooray|hurray|yippee|"
                r"(?:that|this|it) (?:sounds|looks|is) (?:good|great|perfect|right|fine|nice)|(?:sounds|looks) (?:good|great|perfect|right|fine|nice)|(?:that |it |this )?works(?: for me| great| well| fine| perfectly)?|nice|good (?:job|work|bot)|much better|way to go|exactly|spot on|"
                r"i(?:'m| am) (?:impressed|so glad|glad|grateful|thankful)"
            ),
            "laughter": r"(?:lo+l|lmf?ao|rofl|lolz|lulz|x+d+|(?:ba|mua)?(?:ha){1,20}h?|(?:he){2,20}|(?:hi){2,20}|(?:ho){2,20}|j(?:aj)+a|(?:very |so |that's |you're )*(?:funny|hilarious)|good one|just kidding|jk|i'?m (?:just )?(?:kidding|joking)|i didn'?t mean (?:that|it)|that made me laugh)",
            "feeling": (
                rf"(?:i'?m|i am|im|i feel|i'?ve been|feeling|feel|we'?re) (?:not |still |already |feeling |getting |kind of |sort of |a bit |always )*{_VERY}{_MOOD}(?: of (?:it|this|work|everything|meetings|people))?{_DAY}|"
                rf"too (?:many|much) \w+{_DAY}|so (?:many|much) (?:meetings|work|to do|stress|things)(?: to do)?{_DAY}|what an? (?:\w+ ){{0,2}}(?:day|week|morning|mess|night|life|relief|shame|pity)|(?:it was |it's been |i had )?a? ?(?:long|hard|bad|tough|terrible|great|good|rough|busy|stressful|lovely) (?:day|week|night|morning)(?: at work)?{_DAY}|"
                r"i (?:hate|love|like|can't stand) (?:mondays?|my (?:job|life|boss|work)|meetings|work|winter|summer|coffee|it here|people|everyone|fridays?|weekends?)|i(?:'m| am) in a (?:hurry|bad mood|good mood)|i (?:can't|cannot) (?:sleep|cope|do this(?: anymore)?|take (?:it|this)(?: anymore)?)|i (?:need|want) (?:a )?(?:break|coffee|drink|hug|holiday|vacation|sleep|rest)|life is (?:hard|good|short|beautiful)|i miss (?:you|him|her|them|home)|ugh+|sigh|argh+|meh|boo+|ouch|help i'?m bored"
            ),
            "small_news": (
                rf"(?:it's|it is|what)? ?(?:a |an |such a |such )?{_VERY}(?:lovely|nice|beautiful|great|sunny|rainy|gorgeous|awful|terrible|cold|hot|wonderful|bad|good|crazy|crappy) (?:\w+ )?{_WEATHER}(?: (?:outside|out|here|isn't it|we're having))*{_DAY}|"
                rf"(?:it's|it is) (?:raining|snowing|sunny|cold|hot|freezing|windy|pouring|warm|late|early|dark|friday|monday)(?: (?:outside|out|here|already|again))*{_DAY}|"
                r"guess what|you know what|did you know|by the way|btw|just saying|fyi|no way|really|seriously|oh my god|omg|what a surprise|interesting|good news|bad news|true|same here|me too|i think so|i know|i guess(?: so)?|i agree"
            ),
            "okay": (
                r"(?:ok|okay|okey|oki|okie dokie|k|kk|mkay|alright|all right|right|fine|sure|yes|yeah|yep|yup|ya|no|nope|nah|i see|got it|gotcha|understood|copy(?: that)?|roger|makes sense|fair enough|that's fine|that'?s (?:all|it|ok|okay)|it's (?:ok|okay|fine)|"
                r"nothing(?: else| really| for now| thanks)?|no thanks|no thank you|not now|not really|stop(?: it| that)?|quit|exit|enough|that will be all|hmm*|mmm*|uh+|um+|oh|ah|aha|uh huh|whatever|idk|i don'?t know|dunno|maybe|perhaps|not sure|done|good|noted|we'?ll see|let me think|wait|one moment|hold on|one sec|just a (?:sec|second|minute|moment)|"
                r"all good|no problem|no worries|np|nvm|you'?re welcome|welcome|don'?t worry|of course|certainly|absolutely|indeed|as you (?:wish|like)|if you say so|deal|agreed|very well|good to know|good to hear)"
            ),
        }.items()
    }
)

#: Words around talk that say nothing by themselves.
_LEAD = re.compile(r"^(?:(?:and|but|so|well|oh|ok|okay|hey|hi|hello|ah|um|uh|please|pls|plz|hmm|then|also|no|yes|yeah|lol|haha|bot|dear|btw|just|actually|wow) )+")
_TAIL = re.compile(r"(?: (?:please|pls|plz|then|lol|haha|bot|man|dude|mate|buddy|friend|dear|anyway|though|too|now|btw|sir|ok|okay))+$")
_PARTS = re.compile(r"[.!?,;:…\n()]+| - | – |(?<=thanks) and | and (?=thank)")
_POSITIVE = frozenset("👍👏🙏❤🎉🥳😀😃😄😁😊🙂😍🥰😘👌💪🤗✨💯🤩😎🙌💖💕♥🫶")
_NEGATIVE = frozenset("👎😡😠🤬😢😭😞😔🙁☹😤💩🖕😒🙄")

LONGEST = 200  #: characters of a message that is talk, other than babble
#: Words of a part that are tried as several kinds of talk.
MOST_JOINED = 8

#: A key row of a keyboard, typed from one side to the other.
_KEY_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm")


def kind_of_talk(text: str) -> str | None:
    """Return what kind of talk ``text`` is; None: it is more than talk.

    >>> kind_of_talk("thx!"), kind_of_talk("ok thanks, lol"), kind_of_talk("thanks, add lunch at noon")
    ('thanks', 'thanks', None)
    >>> kind_of_talk("😀🎉"), kind_of_talk("xxxxxxxxxxxxxxxx")
    ('emoji', 'babble')
    """
    if wordless := _wordless(text):
        return wordless
    plain = re.sub(r"[^\w\s.!?,;:…\n()'–-]", " ", text.casefold().replace("’", "'"))
    parts = [part for each in _PARTS.split(plain) if (part := " ".join(each.split()).strip("'- "))]
    if parts and all(map(_is_babble, parts)):
        return "babble"
    if len(plain) > LONGEST:
        return None
    kinds = [_kind(part) for part in parts]
    if not kinds or None in kinds:
        return None
    return next((kind for kind in KINDS if kind in kinds), None)


def _kind(part: str) -> str | None:
    """The kind of one part. A letter that is drawn out counts once or twice: "thaaanks", "hellooo"."""
    for spelled in _spellings(part):
        lead = _LEAD.sub("", spelled)
        for words in dict.fromkeys((spelled, lead, _TAIL.sub("", spelled), _TAIL.sub("", lead))):
            if found := _whole_kind(words):
                return found
    return _kind_of_two(part)


def _whole_kind(words: str) -> str | None:
    return next((kind for kind, pattern in KINDS.items() if pattern.fullmatch(words)), None)


def _kind_of_two(part: str) -> str | None:
    """The kind of two kinds of talk that follow each other without a comma: "k thx bye", "I'm fine thanks"."""
    words = part.split()
    for at in range(1, min(len(words), MOST_JOINED)):
        first, rest = _whole_kind(" ".join(words[:at])), " ".join(words[at:])
        if first and (second := _whole_kind(rest) or _kind_of_two(rest)):
            return next(kind for kind in KINDS if kind in (first, second))
    return None


def _spellings(part: str) -> Iterable[str]:
    """``part`` as it is, and with each letter that is drawn out once and twice."""
    return dict.fromkeys((part, re.sub(r"(\w)\1{2,}", r"\1", part), re.sub(r"(\w)\1{2,}", r"\1\1", part)))


def _wordless(text: str) -> str:
    """The kind of a message without a letter and a digit; empty: it has one."""
    if any(char.isalnum() for char in text):
        return ""
    if any(char in _NEGATIVE for char in text):
        return "insult"
    if any(char in "🙏" for char in text):
        return "thanks"
    if any(char in _POSITIVE for char in text) or any(unicodedata.category(char) == "So" for char in text):
        return "emoji"
    return "laughter" if re.search(r"[:;=][-^']?[)D(P]|<3", text) else "babble"


def _is_babble(part: str) -> bool:
    """Whether a part is no word of any language: one letter all over, a row of keys, or hardly a vowel."""
    word = part.replace(" ", "")
    if len(word) < 5 or not word.isalpha() or not word.isascii():
        return False
    if len(part.split()) > 2:
        return False
    if len(set(word)) <= 2 and not re.fullmatch(r"(?:ha|he|hi|ho|bla)+h?", word):
        return len(word) >= 6
    if any(word in row or word in row[::-1] or (len(word) >= 7 and row[:6] in word) for row in _KEY_ROWS):
        return True
    return len(word) >= 6 and re.search(r"[bcdfghjklmnpqrstvwxz]{6,}", word) is not None
