"""What breaks without this: one person takes all places, and everybody else waits."""

from __future__ import annotations

from llmagent_os.host.fair_share import FairShare


def taken(share: FairShare[str]) -> list[str]:
    found = list[str]()
    while (each := share.take()) is not None:
        found.append(each[1])
    return found


def test_senders_take_turns_however_much_one_of_them_sends() -> None:
    share = FairShare[str](4, per_sender=9)
    for number in range(9):
        share.add("ana", f"a{number}")
    share.add("ben", "b0")
    share.add("cleo", "c0")
    assert taken(share) == ["a0", "b0", "c0", "a1"]


def test_no_sender_has_more_than_a_share_and_the_rest_follows() -> None:
    share = FairShare[str](8, per_sender=2)
    for number in range(5):
        share.add("ana", f"a{number}")
    assert taken(share) == ["a0", "a1"]
    assert not share.can_take
    share.add("ben", "b0")
    assert taken(share) == ["b0"]
    share.give_back("ana")
    assert taken(share) == ["a2"]
    for _ in range(2):
        share.give_back("ana")
    assert taken(share) == ["a3", "a4"]
    assert share.taken == 3


def test_what_waits_for_a_place_gets_the_place_that_is_given_back() -> None:
    share = FairShare[str](1, per_sender=1)
    share.add("ana", "a0")
    share.add("ben", "b0")
    assert taken(share) == ["a0"]
    share.give_back("ana")
    assert taken(share) == ["b0"]
    share.clear()
    share.give_back("ben")
    assert (share.taken, taken(share)) == (0, [])
