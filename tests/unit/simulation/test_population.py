from __future__ import annotations

import pytest

from llmagent_os.errors import ConfigError
from llmagent_os.simulation.population import expressible, make_hostile, make_people, tastes_of
from llmagent_os.simulation.simulation_options import SimulationOptions
from llmagent_os.simulation.style_recognition import StyledReply, StyleRecognition

VALUES = {"mode": ["dry", "warm"], "length": ["normal", "brief", "detailed"]}
DEFAULTS = {"mode": "dry", "length": "normal"}
RECOGNITION = StyleRecognition(
    [StyledReply("Yes.", DEFAULTS), StyledReply("Yes!", {"mode": "warm", "length": "brief"})]
)


def test_a_style_that_does_not_show_is_nobodys_taste() -> None:
    """Nobody could ever be pleased, and the figures would speak of the model and not of what it learned."""
    recognised = {("mode", "dry"): 1.0, ("mode", "warm"): 0.9, ("length", "normal"): 1.0, ("length", "brief"): 0.4}
    dimensions = {"mode": {"dry": "", "warm": ""}, "length": {"normal": "", "brief": ""}, "initiative": {"act": ""}}
    assert expressible(dimensions, recognised) == {"mode": ["dry", "warm"]}
    with pytest.raises(ConfigError, match="no taste that it can express"):
        tastes_of({}, DEFAULTS, 3)


def test_people_share_a_part_of_their_taste_and_differ_in_another() -> None:
    tastes = tastes_of(VALUES, DEFAULTS, 6)
    assert {each["mode"] for each in tastes} == {"warm"}, "not the bot's own: else nothing would have to be learned"
    assert {each["length"] for each in tastes} == {"normal", "brief", "detailed"}


def test_a_share_of_the_people_turns() -> None:
    options = SimulationOptions(people=6, drift=0.5)
    people = make_people(tastes_of(VALUES, DEFAULTS, 6), VALUES, RECOGNITION, options)
    assert sum(each.changes for each in people) == 3


def test_hostile_accounts_are_against_what_all_have_in_common() -> None:
    options = SimulationOptions(people=6, hostile=50)
    people = make_people(tastes_of(VALUES, DEFAULTS, 6), VALUES, RECOGNITION, options)
    attackers = make_hostile(people, RECOGNITION, options)
    assert len(attackers) == 5 and all(each.hostile and each.taste == {"mode": "warm"} for each in attackers)


@pytest.mark.parametrize(("name", "value"), [("people", 0), ("flipped", 1.5), ("silent", 1.0), ("measured_every", 0)])
def test_a_wrong_option_names_itself(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"--{name.replace('_', '-')} is {value}"):
        SimulationOptions(**{name: value})  # type: ignore[arg-type]
