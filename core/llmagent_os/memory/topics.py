"""The topics of memories: of which a person has only one, which are opposites, and which words make them relevant."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Topic(msgspec.Struct, frozen=True):
    """What is known of one topic. A topic such as ``favourite:colour`` is looked up by the part before the colon."""

    is_single: bool = False  #: a new value replaces the old one
    cues: str = ""  #: words of messages to which memories on the topic are relevant, beside the memory's own words
    #: ``name`` or ``place``: what its values are, which a server elsewhere is sent placeholders for; empty: neither
    personal: str = ""


_FOOD = (
    "food eat eating meal breakfast lunch dinner supper brunch snack restaurant cafe cook cooking recipe dish menu bake"
    " baking grocery groceries ingredient dessert cake diet order picnic catering barbecue pizza takeaway buffet"
)
_WORK = "work working job career office colleague company employer cv resume salary profession interview business"
_TRAVEL = "trip travel holiday vacation weekend visit flight hotel"
_FREE = "free time weekend hobby hobbies fun bored activity activities club gift present birthday do"

#: Every topic.
TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        "name": Topic(is_single=True, cues="name call called", personal="name"),
        "home": Topic(
            is_single=True,
            cues=f"live home city town where weather local nearby neighbourhood {_TRAVEL}",
            personal="place",
        ),
        "dwelling": Topic(is_single=True, cues="live home flat house apartment furniture rent move"),
        "origin": Topic(is_single=True, cues="from born grew origin hometown country home", personal="place"),
        "nationality": Topic(is_single=True, cues="nationality citizen passport country from visa"),
        "employer": Topic(is_single=True, cues=_WORK),
        "job": Topic(is_single=True, cues=_WORK),
        "school": Topic(is_single=True, cues="study studies school university college exam course degree student"),
        "studies": Topic(is_single=True, cues="study studies studying school university exam course degree student"),
        "birthday": Topic(is_single=True, cues="birthday born age party present gift old"),
        "age": Topic(is_single=True, cues="age old young birthday years"),
        "status": Topic(is_single=True, cues="married single family partner wife husband relationship"),
        "partner": Topic(
            is_single=True, cues="partner wife husband girlfriend boyfriend family anniversary spouse", personal="name"
        ),
        "child": Topic(cues="child children kid kids son daughter family baby school", personal="name"),
        "children": Topic(is_single=True, cues="child children kid kids son daughter family"),
        "pet": Topic(cues="pet animal vet walk feed dog cat puppy kitten", personal="name"),
        "relation": Topic(is_single=True, cues="family", personal="name"),
        "relative": Topic(cues="family brother sister sibling friend colleague", personal="name"),
        "language": Topic(cues="language speak translate translation"),
        "native": Topic(is_single=True, cues="language speak mother tongue native"),
        "diet": Topic(is_single=True, cues=_FOOD),
        "allergy": Topic(cues=f"allergy allergic allergies safe ingredient medicine {_FOOD}"),
        "avoids": Topic(cues=f"drink drinks bar {_FOOD}"),
        "likes": Topic(cues="like likes love enjoy recommend suggest suggestion idea gift present favourite favorite"),
        "dislikes": Topic(cues="dislike hate recommend suggest suggestion idea avoid like"),
        "favourite": Topic(is_single=True, cues="favourite favorite best like recommend gift present"),
        "prefers": Topic(cues="prefer preference rather like choose recommend suggest"),
        "drinks": Topic(cues=f"drink drinks coffee tea bar cup {_FOOD}"),
        "hobby": Topic(cues=f"play sport sports music instrument practise practice {_FREE}"),
        "learning": Topic(cues=f"learn learning lesson course practise practice {_FREE}"),
        "goal": Topic(cues="goal plan training progress saving"),
        "owns": Topic(cues="own have use device phone computer laptop car drive buy"),
        "uses": Topic(cues="use tool app software device computer phone install"),
        "car": Topic(is_single=True, cues="car drive driving park parking garage"),
        "commute": Topic(is_single=True, cues="commute work office ride drive traffic get way"),
        "routine": Topic(cues="schedule plan meeting usually time week day when free morning evening book"),
        "habit": Topic(is_single=True, cues="schedule plan meeting usually time day when early late morning evening"),
        "size": Topic(is_single=True, cues="size wear buy fit shoe shoes clothes order"),
        "height": Topic(is_single=True, cues="tall height size clothes bike"),
        "trait": Topic(cues="person type personality kind"),
        "pronouns": Topic(is_single=True, cues="pronoun pronouns address introduce"),
        "member": Topic(cues="member club membership team"),
        "note": Topic(),
    }
)

#: Topics on which the same value cannot hold at the same time.
OPPOSITES: tuple[frozenset[str], ...] = (frozenset({"likes", "dislikes"}),)

#: Other words for one relation: nobody has a boss and a manager at once.
SAME_RELATION = {
    "manager": "boss",
    "supervisor": "boss",
    "team lead": "boss",
    "team leader": "boss",
    "gp": "doctor",
    "mum": "mother",
    "mom": "mother",
    "dad": "father",
    "landlady": "landlord",
}

#: Topics that the profile answers where the bot's tools can set it: there they are kept, and nowhere else.
OF_PROFILE = frozenset({"name", "home"})


def topic_of(name: str) -> Topic:
    """Return what is known of a topic; of one that is not in the table: that a person may have several values."""
    return TOPICS.get(name.partition(":")[0], Topic())


def opposite_of(name: str) -> frozenset[str]:
    """Return the topics on which a value of topic ``name`` cannot hold.

    >>> sorted(opposite_of("likes"))
    ['dislikes']
    """
    return frozenset(other for group in OPPOSITES if name in group for other in group - {name})
