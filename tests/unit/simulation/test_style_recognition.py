"""Judges that see no feature of the reward model: if they cannot tell styles apart, every figure is noise."""

from __future__ import annotations

from llmagent_os.simulation.style_recognition import StyledReply, StyleRecognition

DRY = ("Added: {}.", "Deleted: {}.", "Found: {}.")
WARM = ("Done! I've put {} in!", "Sure thing! {} is gone!", "Let me see: there is {}!")


def replies(what: tuple[str, ...]) -> list[StyledReply]:
    return [
        StyledReply(form.format(title), {"mode": mode})
        for mode, forms in (("dry", DRY), ("warm", WARM))
        for form in forms
        for title in what
    ]


def test_a_style_is_recognised_in_replies_about_other_things() -> None:
    recognition = StyleRecognition(replies(("lunch", "the dentist", "yoga")))
    assert recognition.recognised(replies(("a walk with Nia", "chess"))) == {
        ("mode", "dry"): 1.0,
        ("mode", "warm"): 1.0,
    }


def test_equal_replies_in_two_styles_are_recognised_in_one_of_them_at_most() -> None:
    """A model that answers alike in both must not pass for one that has the style."""
    same = [StyledReply("Hello.", {"mode": mode}) for mode in ("dry", "warm")]
    assert sum(StyleRecognition(same).recognised(same).values()) == 1
