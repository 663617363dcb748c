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
]


@pytest.mark.parametrize(("text", "meant"), CORRECTED)
def test_the_day_that_is_meant_counts(text: str, meant: str) -> None:
    assert corrected(Clause.of(text, NOW)).text == meant
