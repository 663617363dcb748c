"""What breaks without this: a wrong dimension hides others, or an author cannot say where and whether it is learned."""

from __future__ import annotations

import tomllib

import pytest

from llmagent_os.config.mistakes import MistakesError
from llmagent_os.config.toml_document import read_toml
from llmagent_os.config.toml_tables import checked
from llmagent_os.modules.behavior_config import Behavior

FULL = """
tone = "playful"
[dimensions]
verbosity = { values = true, learned = false }
tone = { plain = "Write plainly.", playful = "Joke." }
[dimensions.pun]
values = { none = "No puns.", some = "Pun." }
default = "some"
learned = true
platforms = ["web"]
[platforms.telegram]
tone = false
verbosity = ["brief"]
"""


def test_dimensions_in_full() -> None:
    behavior = Behavior.model_validate(tomllib.loads(FULL))
    assert behavior.model_dump() == {"verbosity": "normal", "tone": "playful", "pun": "some"}
    assert behavior.dimensions["pun"] == {"none": "No puns.", "some": "Pun."}
    assert behavior.limits.unlearned == ("verbosity",)
    assert behavior.limits.only == {"pun": ("web",)}
    assert behavior.limits.platforms == {"telegram": {"tone": (), "verbosity": ("brief",)}}
    assert list(behavior.limits.dimensions_on("telegram", behavior.dimensions)) == ["verbosity"]


def test_a_value_may_be_called_like_a_setting_of_a_dimension() -> None:
    table = {"dimensions": {"tone": {"default": "Write as usual.", "learned": "Write as a scholar."}}}
    assert list(Behavior.model_validate(table).dimensions["tone"]) == ["default", "learned"]


def found(text: str) -> list[tuple[int, str]]:
    with pytest.raises(MistakesError) as caught:
        checked(Behavior, read_toml(text), __file__)  # type: ignore[arg-type]
    return [(each.place.line, each.text) for each in caught.value.mistakes]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ('default = "some"', 'default = "sone"', 8, "write none or some; did you mean 'some'?"),
        ("learned = true", 'learned = "yes"', 9, "`behavior.dimensions.pun.learned` cannot be 'yes'"),
        ('platforms = ["web"]', 'platforms = "web"', 10, "write a list of platforms"),
        ('platforms = ["web"]', "platforms = []", 10, "write a list of platforms"),
        ('platforms = ["web"]', 'platforms = ["wep"]', 10, "did you mean 'web'?"),
        ('platforms = ["web"]', 'platform = ["web"]', 10, "no setting of a dimension; did you mean `platforms`?"),
        ("[platforms.telegram]", "[platforms.telegrm]", 11, "there is no platform 'telegrm'; did you mean 'telegram'?"),
        ("tone = false", "tones = false", 12, "is no dimension of this bot; did you mean `tone`?"),
        ('["brief"]', '["breif"]', 13, "did you mean 'brief'?"),
        ('tone = "playful"', 'pun = "none"', 2, "`behavior.dimensions.pun.default` is 'some': take one of them out"),
        ('playful = "Joke."', f'playful = "{"x" * 501}"', 5, "has 501 characters: write at most 500"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(old: str, new: str, line: int, message: str) -> None:
    ((at, text),) = found(FULL.replace(old, new))
    assert at == line
    assert message in text


def test_all_mistakes_of_a_table_are_found_at_once() -> None:
    lines = ('tone = { a = 1, "B" = "x" }', 'name = { c = "", a = "" }', "long = true", "[dimensions.x]", "values = 3")
    assert [line for line, _ in found("\n".join(("[dimensions]", *lines)))] == [2, 2, 3, 3, 4, 6]
    assert [line for line, _ in found('mode = "x"\nmod = "x"\n[platforms.web]\nmode = []\nverbosity = ["x"]\n')] == [
        1,
        2,
        4,
        5,
    ]
