"""The phrases by which people in a group ask the bot to be silent, or end their talk, in all languages of our texts.

The patterns match a whole message in lower case, without marks and emojis.
"""

from __future__ import annotations

import re


def _any_of(*languages: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in languages))


#: A length of time in Chinese, which has no spaces around it.
_ZH_TIME = r"[\d一二两三四五六七八九十半]+ ?个? ?(?:分钟|分|小时|钟头|天|周|星期)"

#: Somebody asks for silence. The one of the groups that is there says for how long.
QUIET = _any_of(
    r"(?:please |pls |can you |could you |would you )*(?:"
    r"(?:be|stay|keep|remain) (?:quiet|silent|out of (?:this|it))|shut up|hush|shush|mute|silence"
    r"|(?:stop|quit) (?:answering|replying|talking|chiming in|butting in)"
    r"|(?:do not|don't|dont) (?:answer|reply|respond)|leave us alone)"
    r"(?: here| now| please)*(?: for (?P<en>.+?))?(?: please)?",
    r"(?:bitte )?(?:sei (?:bitte |jetzt |mal )*(?:(?:f[uü]r )?(?P<de_before>.+?) (?:lang )?)??(?:still|ruhig|leise)"
    r"|ruhe(?: jetzt)?|schweig|halt (?:bitte )?den mund"
    r"|antworte (?:bitte )?(?:hier )?(?:(?:f[uü]r )?(?P<de_within>.+?) (?:lang )?)??nicht(?: mehr)?"
    r"|misch dich (?:bitte )?nicht ein|lass uns in ruhe)"
    r"(?: (?!bitte$)(?:f[uü]r )?(?P<de>.+?)(?: lang)?)?(?: bitte)?",
    r"(?:por favor )?(?:c[aá]llate|silencio|guarda silencio|qu[eé]date callad[oa]"
    r"|no (?:respondas|contestes)(?: m[aá]s)?"
    r"|no te metas|d[eé]janos en paz)(?: (?!por favor$)(?:durante |por )?(?P<es>.+?))?(?: por favor)?",
    rf"(?:请)?(?:你)?(?P<zh_before>{_ZH_TIME})?(?:内|里)?(?:请)?(?:你)?"
    r"(?:安静(?:一下|点|一点)?|闭嘴|(?:别|不要|不用)(?:再)?(?:说话|说|回复|回答|插嘴)"
    rf"|保持安静) ?(?P<zh>{_ZH_TIME})?(?:吧|了)?",
)

#: Somebody says that the bot was not meant.
NOT_YOU = _any_of(
    r"(?:no |sorry )?(?:not (?:for |to )?you|not asked for|(?:nobody|no one|noone) (?:was )?(?:asked|asking) you"
    r"|(?:i |we )?(?:was|were|am|are)? ?(?:not|n't) (?:talking|speaking|asking|writing)(?: to)? you"
    r"|(?:i|we) (?:wasn't|wasnt|weren't|werent) (?:talking|speaking|asking|writing)(?: to)? you"
    r"|(?:i|we) (?:didn't|didnt|did not) (?:ask|mean) you|(?:that|this|it) (?:wasn't|wasnt|was not) (?:for|to) you"
    r"|i meant somebody else)",
    r"(?:nein |sorry )?(?:nicht (?:du|dich|f[uü]r dich|an dich)|du (?:warst|bist) nicht gemeint"
    r"|dich (?:meine|meinte) ich nicht|ich (?:meine|meinte) nicht dich|dich hat (?:niemand|keiner) gefragt"
    r"|(?:ich|wir) (?:habe|hab|haben) nicht (?:mit dir geredet|mit dir gesprochen|dich gefragt|dich gemeint))",
    r"(?:no )?(?:t[uú] no|no (?:es|era) (?:para|contigo)(?: ti)?"
    r"|no te (?:pregunt[eé]|preguntaba|hablo|hablaba)(?: a ti)?|no hablo contigo"
    r"|no hablaba contigo|nadie te (?:ha preguntado|pregunt[oó]))",
    r"(?:我)?(?:不是|没|没有)(?:在)?(?:问|说|叫|跟|和)你(?:说话)?|没人问你|不是你",
)

#: Thanks, agreement or a good-bye, and nothing else.
CLOSING = _any_of(
    r"(?:(?:ok|okay|oki|kk?|great|cool|nice|perfect|fine|alright|all right|super|awesome|got it|gotcha|understood|noted"
    r"|will do|done|sure|(?:thanks|thank you|thx|ty|cheers|many thanks)"
    r"(?: a lot| so much| very much| all| everyone| everybody| both| guys)*"
    r"|bye|good ?bye|bye bye|(?:see you|see ya|cya)(?: tomorrow| then| there| later| soon| all| both)*"
    r"|good (?:night|evening|one)|have a (?:good|nice) (?:one|day|evening|weekend)|you too|you're welcome"
    r"|no problem|np|lol|haha|hehe|wow|yay)\b ?)+",
    r"(?:(?:ok|okay|super|perfekt|prima|klasse|toll|passt|alles klar|verstanden|erledigt|gerne|gern geschehen"
    r"|kein problem|(?:danke|vielen dank|besten dank)(?: sch[oö]n| sehr| dir| euch| allen| an alle)*"
    r"|tsch[uü]ss?|ciao|bis (?:morgen|dann|sp[aä]ter|bald|gleich)|gute nacht|sch[oö]nen (?:tag|abend|feierabend)"
    r"|sch[oö]nes wochenende)\b ?)+",
    r"(?:(?:ok|okay|vale|perfecto|genial|estupendo|de acuerdo|entendido|hecho|claro|de nada"
    r"|(?:gracias|muchas gracias)(?: a todos| a todas| a ti)*"
    r"|adi[oó]s|chao|hasta (?:ma[nñ]ana|luego|pronto)|nos vemos|buenas noches|buen (?:d[ií]a|fin de semana))\b ?)+",
    r"(?:(?:好的?|好吧|行|可以|明白了?|知道了|收到|了解|没问题|不客气|太好了|(?:多谢|谢谢)(?:你|您|大家|啦|了)*|再见|拜拜"
    r"|明天见|回头见|晚安|嗯|哈) ?)+",
)
