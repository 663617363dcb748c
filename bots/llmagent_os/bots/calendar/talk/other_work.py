"""Tells what a message asks for that is not the calendar's work: a taxi, the weather, a joke.

Each row names the work as it stands after "I can't", and how people ask for it. What may as well be an entry of a
calendar ("book a table for Friday", "order pizza tomorrow at 6") is not here: where a message names a day or a time,
only the rows count that no day makes an entry of.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from llmagent_os.plugins.calendar.time.time_mentions import time_mentions

LONGEST = 400  #: characters of a message that is read

#: Messages that begin like this, or have these words, are about the calendar whatever else they say.
_CALENDAR = re.compile(
    r"\b(?:remind|reminder|calendar|schedule|appointment|event|meeting|agenda|don'?t (?:let me )?forget|remember to|"
    r"reschedule|cancel|postpone|block (?:off|out)|pencil)\b"
)
_POLITE = re.compile(
    r"^(?:(?:please|pls|plz|hey|hi|hello|ok|okay|so|well|and|now|bot|just|also|quickly|can|could|would|will|you|may|i|to|"
    r"want|need|like|would like|i'd like|i'd love|go ahead|kindly|help me|help me to|let'?s|mind|be able|maybe|then) )+"
)
_ME = r"(?:(?:me|us|my \w+) )?"
_A = r"(?:(?:a|an|the|some|my|our|any|another|one|two|three|\d+|cheap|good|nice|return|round[- ]trip|last[- ]minute|new|short|quick|little|few|more) )*"
_DEVICE = r"(?:lights?|lamps?|tv|television|radio|heating|heater|thermostat|air ?con(?:ditioning)?|ac|fan|oven|stove|music|alarm system|computer|pc|phone|wifi|bluetooth|vacuum|dishwasher|washing machine|kettle|volume|speakers?|door|doors|garage|blinds|curtains|windows?|car)"
_LANGUAGE = r"(?:german|french|spanish|italian|portuguese|dutch|polish|turkish|russian|ukrainian|arabic|hindi|chinese|mandarin|japanese|korean|latin|greek|swedish|english|hebrew|klingon)"
_FOOD = r"(?:pizzas?|sushi|burgers?|food|dinner|lunch|breakfast|takeaway|takeout|coffee|groceries|tacos?|kebab|noodles|meal|sandwich(?:es)?|beer|wine|cake|curry)"


class Work(NamedTuple):
    """One kind of work that is not the calendar's."""

    what: str  #: after "I can't"
    asked: re.Pattern[str]  #: anywhere at the beginning of a message
    whenever: bool  #: also where the message names a day or a time


def _work(what: str, asked: str, *, whenever: bool = False) -> Work:
    return Work(what, re.compile(asked), whenever)


WORKS: tuple[Work, ...] = (
    _work(
        "do that",
        r".*\b(?:ignore|forget|disregard|override) (?:all |any |everything |your |the |my |previous |prior |above |of )*"
        r"(?:instructions?|rules|prompts?|guidelines|you were told)|.*\bsystem (?:prompt|message)|.*\byour (?:prompt|instructions|source code|rules|weights)|"
        r"you are now\b|(?:act|behave) (?:as|like) |pretend (?:to be|that|you)|.*\bjailbreak|.*\bdeveloper mode|roleplay|repeat after me|say (?:exactly )?[\"'“]|simulate ",
        whenever=True,
    ),
    _work(
        "keep passwords or PINs, so please don't tell me any",
        r".*\b(?:pin(?: code| number)?|passwords?|passcode|passphrase|credit card(?: number)?|cvv|cvc|iban|social security(?: number)?|ssn|bank account(?: number)?)\b(?: \w+){0,2} (?:is|are|was|=|:)|"
        r"(?:remember|save|store|keep|what(?:'s| is| was)) my (?:\w+ )?(?:pin|password|passcode|credit card|iban|ssn)\b",
        whenever=True,
    ),
    _work(
        "tell you the weather",
        r"(?:what(?:'s| is| will| was|s)?|how(?:'s| is| will|s)?|check|tell|show|give|get) (?:me )?(?:the |today's |tomorrow's )?(?:weather|forecast|temperature|weather forecast)|"
        r"(?:what|how) (?:kind of |sort of )?weather|(?:the )?weather(?: forecast)?(?: (?:for|in|today|tomorrow|now|this|next|on|at|please)\b.*)?$|(?:will|is|does|did|do|going to) it (?:be |going to |gonna )*(?:rain|snow|sunny|cold|hot|warm|windy|storm|freez|dry|nice out)|"
        r"how (?:hot|cold|warm|humid) (?:is|will|does|it)|(?:do|should|will|would) (?:i )?(?:need |take |bring |wear )+(?:an |a |my )?(?:umbrella|jacket|coat|raincoat|sunscreen|scarf)|is (?:it|there) (?:raining|snowing|sunny|a storm|rain)",
        whenever=True,
    ),
    _work(
        "tell you the news",
        r"(?:what(?:'s| is| are)|show|tell|read|give|any|latest|today's)(?: me)?(?: in)? (?:the |today's |latest |any )*(?:news|headlines)|news$|(?:who|what team)(?:'s)? (?:is |are )?(?:winning|won|playing|plays)\b|"
        r"(?:what(?:'s| is| was|s)|tell me|check) (?:the )?(?:.{0,30} )?(?:score|result|stock price|share price|exchange rate|bitcoin|lottery|price of .*)\b|(?:the )?(?:stock|share) price|(?:bitcoin|stocks?|dow jones)(?: price)?$|how (?:is|are) (?:the )?(?:stocks?|market|bitcoin|dollar)",
        whenever=True,
    ),
    _work(
        "call a taxi",
        rf"(?:call|get|order|book|hail|find|send|i need) ?{_ME}{_A}(?:taxi|cab|uber|lyft|ride)\b|(?:taxi|uber|cab)(?: please| now| to .*)?$",
    ),
    _work(
        "send messages or e-mails",
        rf"(?:send|write|shoot|drop|draft|compose|forward|post|tweet|reply to|answer|read|check|open) {_ME}(?:\w+ ){{0,3}}?{_A}(?:e-?mails?|mails?|text(?: message)?s?|messages?|sms|whatsapp|tweets?|letter|dm|inbox|postcard|invitation|slack)\b|"
        r"(?:e-?mail|text|message|whatsapp|dm|ping|write(?: to)?|tell|let) (?!me\b)(?:my )?\w+(?: \w+)? (?:that|saying|to say|know (?:that|i)|i'?m|i am|i'?ll|i will|about)\b|reply to \w+",
    ),
    _work(
        "make phone calls",
        r"(?:call|phone|ring|dial)(?: up)? (?:911|112|999|110|the police|the fire brigade|an ambulance|emergency)\b|dial \S+|(?:call|phone|ring) .*\b(?:for me|on my behalf|and (?:tell|ask|say)|right now|immediately)$|(?:put me through|connect me) ",
    ),
    _work(
        "order or bring food",
        rf"(?:i want|i need|i'd like|can i (?:have|get)) {_A}(?:\w+ )?{_FOOD}$|(?:order|get|bring|deliver|buy|fetch|cook|make) (?:me|us) {_A}(?:\w+ )?{_FOOD}\b|(?:order|deliver) {_A}(?:\w+ )?{_FOOD}\b(?!.*\bfor\b)|(?:make|bring|fetch|get) me {_A}(?:\w+ )?(?:tea|drink|water|snack)",
    ),
    _work(
        "book flights, hotels or tickets",
        rf"(?:book|reserve|find|buy|get|order|search(?: for)?|look for) {_ME}{_A}(?:direct |one[- ]way |first class |business class )?(?:flights?|hotels?(?: rooms?)?|trains?(?: tickets?)?|plane tickets?|tickets?|airbnb|rental car|bus tickets?|cruise|apartment|holiday)\b",
    ),
    _work(
        "buy things",
        r"(?:buy|order|purchase) (?:me|us) |(?:order|buy) .*\b(?:on|from) (?:amazon|ebay|the internet|online)|(?:what|how much) (?:does|do|is|are) .*\b(?:cost|costs|price)\b",
    ),
    _work(
        "keep shopping lists",
        r"(?:add|put|write|place|append|stick) .*\b(?:to|on|onto|in|into) (?:my |the |our |a )?(?:\w+ )?(?:shopping|grocery|groceries|packing|wish|bucket|reading|watch) ?-?list|"
        r"(?:make|create|start|show|read|what(?:'s| is) on|clear|open) (?:me )?(?:my |the |our |a |an )?(?:new )?(?:shopping|grocery|groceries|packing|wish|bucket) ?-?list",
        whenever=True,
    ),
    _work(
        "play music or videos",
        rf"(?:play|put on|stream|shuffle|queue|resume|pause|skip) {_ME}{_A}(?:\w+ )?(?:music|songs?|jazz|rock|pop|classical|techno|hip hop|metal|blues|playlist|radio|movies?|videos?|podcasts?|spotify|youtube|netflix|albums?|tracks?|tunes?|lullaby|audiobook|beatles|mozart|bach|something)\b|"
        r"(?:play|put on|stream) .* (?:by|on (?:spotify|youtube|netflix)) ?|(?:next|skip) (?:song|track)|(?:turn|crank) (?:up|down) the (?:music|volume)|louder$|quieter$",
    ),
    _work(
        "switch things on or off",
        rf"(?:turn|switch) (?:it |that |them )?(?:on|off|up|down) {_A}(?:\w+ )?{_DEVICE}\b|(?:turn|switch) {_A}(?:\w+ )?{_DEVICE} (?:\w+ )*(?:on|off|up|down)|(?:dim|lock|unlock|open|close|shut|start|stop|run|heat|cool) {_A}(?:\w+ )?{_DEVICE}\b",
    ),
    _work("set the heating", r"set the (?:thermostat|temperature|heating|ac|air con(?:ditioning)?) ", whenever=True),
    _work(
        "do sums",
        r"(?:(?:what(?:'s| is|s)?|calculate|compute|solve|how much is|work out) )?\(?-?\d[\d., ]*(?:\s*(?:[+*×÷^=%]|plus|minus|times|x|divided by|multiplied by|to the power of|mod)\s*\(?-?\d[\d., ]*\)?)+\s*=?\s*\??$|"
        r"(?:(?:what(?:'s| is|s)?|calculate|compute|solve) )?(?:what is |the )?(?:\d[\d.,]* ?(?:/|-) ?\d+ ?=|square root|cube root)|(?:what(?:'s| is|s)?|calculate|compute|solve) (?:the )?(?:\d[\d.,]* ?[-/] ?\d|\d[\d.,]* ?(?:%|percent|plus|minus|times|divided by|x \d|\+|\*)|square root|cube root|sum of|sine|cosine|derivative|integral|factorial|average of)|(?:convert|how many|how much (?:is|are)) .*\b(?:miles|kilomet(?:er|re)s?|km|pounds|kilos|kg|euros?|dollars?|celsius|fahrenheit|inches|feet|cups|ounces|grams|litres|liters)\b.*\b(?:in|to|into)\b|solve ",
    ),
    _work(
        "tell jokes or stories",
        rf"(?:tell|give|sing|write|read|make up|make|say|know|do you know|compose|recite|got) {_ME}{_A}(?:\w+ )?(?:jokes?|story|stories|poems?|riddles?|songs?|fairy ?tale|haiku|limerick|fun facts?|puns?|rap|trivia)\b|(?:make me laugh|entertain me|amuse me|sing(?: something)?(?: for me)?|knock knock joke|jokes?)$|(?:do )?you know any jokes",
    ),
    _work(
        "translate",
        rf"translate\b|how (?:do|would|can) (?:you|i|we|people) say .*|(?:what(?:'s| is|s)|say) .* in {_LANGUAGE}\b|what does .* mean(?: in .*)?$",
    ),
    _work(
        "write code",
        r"(?:write|debug|fix|review|create|build|make|develop|explain|refactor|program|code)(?: me| us)? (?:\w+ ){0,3}?(?:code|scripts?|python|javascript|java|program|function|html|css|sql|app|regex|websites?|web page|algorithm|bug|class|loop)\b",
    ),
    _work(
        "write or correct texts",
        rf"(?:write|draft|compose|finish|do) (?:me |us |for me |an? |my |the )+{_A}(?:\w+ )?(?:essay|report|cv|resume|speech|article|blog(?: post)?|cover letter|homework|thesis|book|novel|review|paragraph|presentation)\b|(?:summari[sz]e|proofread|rewrite|paraphrase|spell ?check|correct) ",
    ),
    _work(
        "give medical advice",
        r"(?:what|which) .*\b(?:medicine|medication|pills?|drugs?|dose|dosage|treatment|antibiotics?|cure|remedy)\b|(?:should|can|may) i (?:take|mix|combine) .*|.*\b(?:symptoms? of|diagnose|side effects?)\b|"
        r"what (?:helps|should i (?:take|do)|can i (?:take|do)|is good) (?:against|for|about|with) (?:a |an |my )?(?:headache|fever|cold|flu|cough|pain|migraine|rash|hangover|stomach ?ache|back ?pain|sore throat|\w+ pain)|(?:is|are) .* (?:contagious|infected|cancer|poisonous|dangerous for)|"
        r"(?:i have|i've got|my \w+) (?:a |an )?(?:\w+ )?(?:headache|fever|rash|pain|hurts?|ache|cough)\b.*\b(?:what|should|help)|am i (?:pregnant|sick|dying|depressed)",
    ),
    _work(
        "give legal or financial advice",
        r"(?:should|can|may|could) i (?:sue|invest|buy (?:stocks?|shares|bitcoin|a house)|sell (?:my )?(?:stocks?|shares|house)|divorce|evict)|.*\b(?:legal advice|financial advice|tax advice|investment advice|good investment)\b|is it (?:legal|illegal|against the law)|how (?:do|can) i (?:avoid|evade|pay less) tax",
    ),
    _work(
        "move money",
        r"(?:pay|transfer|send|wire|lend|give) (?!.*\b(?:bill|rent|invoice)\b).*(?:[$€£¥] ?\d|\d+ ?(?:[$€£]|dollars?|euros?|pounds?|bucks|usd|eur))|(?:transfer|wire) (?:some )?money|what(?:'s| is) my (?:bank )?(?:balance|account)",
    ),
    _work(
        "make pictures",
        rf"(?:draw|paint|generate|create|make|sketch|design|take|show|send) {_ME}{_A}(?:\w+ )?(?:pictures?|images?|photos?|drawing|selfie|logo|memes?|painting|gif)\b|(?:draw|paint|sketch) (?:me |a |an )",
    ),
    _work(
        "find the way",
        r"how (?:do|can) (?:i|we|you) get (?:to|from|there|home)\b|(?:give|show|get)(?: me)? (?:the )?directions|directions to|navigate|(?:what(?:'s| is)|show me|find) the (?:best|fastest|shortest|quickest) (?:way|route)|(?:drive|take|bring) me (?:to|home)|how(?:'s| is) (?:the )?traffic|how far is|where is the (?:nearest|next|closest)|(?:find|show)(?: me)? the (?:nearest|closest)",
    ),
    _work(
        "search the web",
        r"(?:search|google|look up|look|browse|check)\b.*\b(?:online|(?:on |in )?the (?:web|internet|net)|on google|on wikipedia|for me online)|search (?:the web|the internet|wikipedia|google|for (?:information|info|pictures|videos|recipes|a recipe|restaurants))|open (?:the )?(?:browser|youtube|facebook|instagram|google|website)|download ",
    ),
    _work(
        "recommend anything",
        rf"(?:recommend|suggest) (?!a (?:time|day|date|slot)|times|another (?:time|day)|some (?:times|days))|(?:find|know) {_ME}{_A}(?:\w+ )?(?:restaurants?|movies?|films?|books?|recipes?|gifts?|presents?|bars?|hotels?|series|places to eat)\b|"
        r"what (?:should|can|could|shall) (?:i|we) (?:eat|cook|wear|watch|read|buy|get (?:him|her|my|for)|give (?:him|her|my)|make for)\b|what(?:'s| is) (?:a |the )?(?:good|best|nice|cheapest) \w+",
    ),
    _work(
        "answer general questions",
        r"who (?:won|invented|wrote|painted|directed|discovered|sang|composed|founded|killed|played|built|created|starred|designed|landed|was the first|discovered) .*|who(?:'s| is| was| are|s) (?:the )?(?:current |first |last |new )?(?:president|prime minister|king|queen|ceo|pope|author|inventor|founder|chancellor|richest|tallest|oldest|best|greatest|most|winner|mayor|director|head of)\b.*|"
        r"who(?:'s| is| was|s) (?:albert |napoleon|einstein|shakespeare|mozart|taylor swift|elon|donald|barack|joe biden|beyonce|messi)\b.*|what(?:'s| is| are| was|s) (?:the )?(?:capital|population|currency|meaning|height|distance|speed|boiling|melting|tallest|largest|biggest|smallest|longest|fastest|deepest|highest|oldest|definition|difference|chemical|formula|name of|national|official|main|atomic|circumference|area|gdp|plural|past tense|opposite|synonym)\b.*|"
        r"what(?:'s| is| are|s) (?:a |an )?(?:photosynthesis|black holes?|dna|gravity|quantum|inflation|democracy|blockchain|machine learning|love|happiness|life|god|relativity|evolution|ai|artificial intelligence|philosophy|recursion)\b.*|"
        r"how (?:tall|old|deep|heavy|fast|big|wide|rich|high) (?:is|are|was|were) (?!my|the (?:meeting|event|appointment|call)).*|how many (?:people|countries|planets|states|legs|bones|continents|stars|calories|teeth|moons|seconds|languages|inches|feet|days (?:are )?in|hours (?:are )?in|minutes (?:are )?in|weeks (?:are )?in) ?.*|"
        r"when (?:was|were|did|is) (?:the )?.*\b(?:born|die|died|war|invented|founded|built|independence|revolution|discovered|titanic|released|dinosaurs?)\b.*|where (?:is|are) (?:the )?(?:eiffel|paris|mount|taj|great wall|everest|amazon|sahara|grand canyon|statue|titanic|[a-z]+ located)\b.*|"
        r"why (?:is|are|do|does|did|can't|don't) (?!.*\b(?:i|you|my|me|calendar|free|busy)\b).*|how (?:do|to|does|can|would) (?:i |you |one |we |people |a |the )?(?:make|cook|bake|fix|build|tie|get rid|lose weight|lose|grow|install|clean|remove|draw|learn|boil|knit|train|change a|solve|unclog|become|quit|work|fly|repair|win|earn|stop|get rich)\b(?!.*\b(?:event|appointment|reminder|calendar|meeting)s?\b).*|"
        r"(?:define|explain|describe) .*|what (?:causes|happens (?:if|when)|would happen|year (?:did|was)|is the point|colou?r (?:is|are)) .*|(?:do|does|is|are) (?:aliens|god|dinosaurs|santa|ghosts|unicorns|cats|dogs|fish|vaccines|tomatoes|the earth|whales|dolphins)\b.*|tell me (?:about|everything about|more about) (?!my|the (?:meeting|event|day|week)|tomorrow|today|yourself|you\b).*|(?:give me )?(?:a |the )?recipe (?:for|of) .*|quiz me.*|spell .*|count (?:to|from|up|down) .*|flip a coin|roll (?:a |the )?dice|pick a (?:number|card)|(?:give me|say|name) a (?:random )?(?:number|word|colou?r)",
    ),
)


def other_work(text: str) -> str | None:
    """Return the work that ``text`` asks for and that is not the calendar's, as it stands after "I can't"; None: none.

    >>> other_work("Can you call me a taxi?"), other_work("what's the weather tomorrow?")
    ('call a taxi', 'tell you the weather')
    >>> other_work("reserve a table at Luigi's on friday at 8pm"), other_work("remind me to call a taxi")
    (None, None)
    """
    plain = " ".join(text.casefold().replace("’", "'").split()).strip(" .!?")
    if len(plain) > LONGEST:
        return None
    asked = _POLITE.sub("", plain)
    about_calendar = _CALENDAR.search(plain) is not None
    timed = about_calendar or bool(time_mentions(text))
    for work in WORKS:
        if about_calendar and not work.whenever:
            continue
        if (work.whenever or not timed) and (work.asked.match(plain) or work.asked.match(asked)):
            return work.what
    return None
