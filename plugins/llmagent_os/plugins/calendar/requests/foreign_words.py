"""Knows a message in another language by its small words. The reader's grammar is English: it leaves
such a message.
"""

from __future__ import annotations

import re

#: Small words of other languages that are no English words and rarely names.
_WORDS = frozenset(
    "ich bitte morgen mit und für um uhr ein eine einen der das ist nicht habe heute wann auf mein meine mir am"
    " le les une des pour avec demain aujourd'hui à est que quel quelle mon ajoute rendez vendredi lundi mardi"
    " mercredi"
    " jeudi samedi dimanche moi je du"
    " el los las una con para mañana hoy qué cuándo mi tengo agenda añade lunes martes miércoles jueves viernes"
    " sábado domingo reunión cita"
    " il lo gli per domani oggi ho che cosa appuntamento alle lunedì martedì mercoledì giovedì venerdì sabato domenica"
    " com amanhã hoje às tenho reunião meu minha segunda terça quarta quinta sexta"
    " ik een met morgen afspraak om het mijn voor vandaag heb wat maandag dinsdag woensdag donderdag vrijdag"
    " jutro dziś mam o w z spotkanie idag imorgon möte klockan och jag"
    " yarın bugün saat bir ile".split()
)
#: Those of them that English sentences have, too, as words or as parts of names and places.
_ALSO_ENGLISH = frozenset(
    "am des los las agenda ho com om het met wat o w z el le les mi il lo per una das du des il je mon".split()
)

_OTHER_SCRIPT = re.compile(
    r"[\u0400-\u04ff\u0590-\u06ff\u0900-\u0dff\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)


def is_foreign(text: str) -> bool:
    """Return whether a message is in another language than English.

    >>> is_foreign("coffee with 王伟 on thursday"), is_foreign("明日の予定は？"), is_foreign("Was habe ich morgen vor?")
    (False, True, True)
    """
    text = re.sub(r'"[^"]*"|“[^”]*”', " ", text)
    said = re.findall(r"(?<!\d)[^\W\d_]+(?:['’][^\W\d_]+)?", text)  # "9am" has no word
    words = [word.lower() for word in said if not word.isupper() or text.isupper()]  # IST is a time zone
    if len(_OTHER_SCRIPT.findall(text)) > len(re.findall(r"[a-zA-Z]", text)) / 2:
        return True
    foreign = [word for word in words if word in _WORDS]
    sure = [word for word in foreign if word not in _ALSO_ENGLISH]
    return bool(sure) and (len(foreign) >= 2 or len(words) <= 3)
