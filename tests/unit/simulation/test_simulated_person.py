from __future__ import annotations

from llmagent_os.simulation.simulated_person import DISLIKE, LIKE, Habits, SimulatedPerson
from llmagent_os.simulation.style_recognition import StyledReply, StyleRecognition

RECOGNITION = StyleRecognition([StyledReply("Done.", {"mode": "dry"}), StyledReply("Sure, done!", {"mode": "warm"})])
DRY, WARM = "Gone.", "Sure, gone!"


def person(habits: Habits | None = None, **more: object) -> SimulatedPerson:
    return SimulatedPerson("p", {"mode": "warm"}, RECOGNITION, habits or Habits(0.0), **more)  # type: ignore[arg-type]


def test_what_is_liked_gets_a_thumb_up_and_the_rest_a_thumb_down() -> None:
    ana = person()
    assert [ana.react(text) for text in (WARM, DRY, "")] == [LIKE, DISLIKE, DISLIKE]
    assert ana.reactions == 3


def test_a_taste_turns_after_its_reactions() -> None:
    ana = person(later_taste={"mode": "dry"}, turns_at=2)
    assert ana.changes and [ana.react(WARM) for _ in range(4)] == [LIKE, LIKE, DISLIKE, DISLIKE]


def test_silence_and_mistakes_are_as_frequent_as_they_are_said_to_be() -> None:
    ana = person(Habits(silent=0.5, flipped=0.1))
    said = [ana.react(WARM) for _ in range(2000)]
    assert 900 < said.count("") < 1100
    assert 0.05 < said.count(DISLIKE) / (2000 - said.count("")) < 0.15


def test_the_same_seed_gives_the_same_person() -> None:
    def said(seed: int) -> list[str]:
        ana = person(Habits(0.5, 0.2), seed=seed)
        return [ana.react(WARM) for _ in range(50)]

    assert said(1) == said(1) != said(2)


def test_a_hostile_person_votes_against_the_taste_and_is_never_silent() -> None:
    troll = person(Habits(0.9), hostile=True)
    assert [troll.react(text) for text in (WARM, DRY)] == [DISLIKE, LIKE]
