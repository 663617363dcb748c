"""A day or a time that the person takes back within a message.

What breaks without this: the day that was taken back gets the event, or both days do.
"""

from __future__ import annotations

import pytest

from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.self_correction import corrected
from tests.unit.plugins.read_messages import NOW

CORRECTED = [
    ("dentist on friday, no sorry, thursday at 10", "dentist on thursday at 10"),
    ("lunch with Bo on monday at 12, no wait, tuesday", "lunch with Bo on tuesday at 12"),
    ("lunch on monday at 12, sorry, at 1", "lunch on monday at 1"),
    ("move yoga to friday... er, I mean saturday", "move yoga to saturday"),
    ("call mum at 3pm no wait 4pm", "call mum at 4pm"),
    ("interview Dec 1st at 9 P.M., no wait A.M.", "interview Dec 1st at 9 A.M."),
    ("not tomorrow, friday: dentist at 9", "friday: dentist at 9"),
    ("gym on friday and saturday at 9", "gym on friday and saturday at 9"),
    ("no lunch on friday, thanks", "no lunch on friday, thanks"),
    ("gym on friday. Nothing on saturday", "gym on friday. Nothing on saturday"),
    ("do I have time on friday? no, saturday", "do I have time on friday? no, saturday"),
    ("Bo can't do friday. Make it saturday at 11", "Bo can't do friday. Make it saturday at 11"),
    ("not tomorrow, friday", "not tomorrow, friday"),
    ("haircut thursday at 4, oh wait no, friday at 4", "haircut friday at 4"),
    ("add lunch on Monday. Sorry, I meant Tuesday. At 12:30.", "add lunch on Tuesday. At 12:30."),
    ("meeting tomorrow 9am. actually 10", "meeting tomorrow at 10"),
    ("move the dentist to 2, wait, 2:30", "move the dentist to 2:30"),
    ("call the bank at 2... hmm better at 3pm", "call the bank at 3pm"),
    ("the 3rd, sorry the 4th of December, 7pm concert", "the 4th of December 7pm concert"),
    ("concert the 12th... no hold on the 13th of december", "concert on the 13th of december"),
    ("gym at 6 in the morning, I mean in the evening", "gym at 6 in the evening"),
    ("remind me in 10 minutes, no 20 minutes, to eat", "remind me in 20 minutes, to eat"),
    ("piano every Monday -- sorry, every Tuesday -- at 4pm", "piano every Tuesday at 4pm"),
    ("dinner with Leo — sorry, with Lea — on saturday", "dinner with Lea on saturday"),
    ("set up a call with Paul, or rather Paula, on Monday", "set up a call with Paula on Monday"),
    ("book yoga, no, pilates, for friday 6pm", "book pilates for friday 6pm"),
    ("cancel the gym, er I mean the dentist", "cancel the dentist"),
    ("lunch at Nobu – wait, at Luigi's – on friday", "lunch at Luigi's on friday"),
    ("a party, no gifts, on saturday", "a party, no gifts, on saturday"),
    ("add gym at 6, not the one at school", "add gym at 6, not the one at school"),
    ("gym at 4pm today oh no today is bad", "gym at 4pm today oh no today is bad"),
    ("lunch with Bo and Al at 1, dinner at 8", "lunch with Bo and Al at 1, dinner at 8"),
]


@pytest.mark.parametrize(("text", "meant"), CORRECTED)
def test_the_day_that_is_meant_counts(text: str, meant: str) -> None:
    assert corrected(Clause.of(text, NOW)).text == meant
