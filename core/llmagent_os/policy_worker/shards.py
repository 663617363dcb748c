"""Parts the people of a bot among several learners, each of which learns from its own people alone."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from llmagent_os.identity import PersonId


class Shard(msgspec.Struct, frozen=True):
    """One part of the people. A person belongs to the same shard on every host, for as long as the count is the same.

    >>> two = [Shard(0, 2), Shard(1, 2)]
    >>> [each.has(PersonId("web::ana")) for each in two].count(True)
    1
    >>> two[1].state_name("calendar:bayes")
    'calendar:bayes#1/2'
    """

    index: int  #: from 0
    count: int  #: how many shards there are

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise ValueError(f"there is no shard {self.index} of {self.count}: count from 0")

    def has(self, person_id: PersonId) -> bool:
        """Whether a person belongs to it."""
        digest = blake2b(person_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest) % self.count == self.index

    def state_name(self, policy: str) -> str:
        """The name that the state of this shard is stored under."""
        return f"{policy}#{self.index}/{self.count}"


def prior_name(policy: str) -> str:
    """The name that what all shards share is stored under."""
    return f"{policy}#prior"
