"""Finds the person behind an account, and what is known about that person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmagent_os.errors import ProfileError
from llmagent_os.events import Event, Reaction
from llmagent_os.identity import Identity, PersonId, identity_of, person_kept_under
from llmagent_os.people.profiles import Profile, Profiles
from llmagent_os.privacy.consent import Consent, consent_of

if TYPE_CHECKING:
    from llmagent_os.ledger import Ledger


#: What is allowed where no owner has decided: everything, as in a plain script.
ALLOWED = Consent()


class Directory:
    """Looks people up in the ledger's links and in the profiles. An agent may do without either."""

    def __init__(self, ledger: Ledger | None, profiles: Profiles | None, defaults: Consent = ALLOWED) -> None:
        """Args:
        ledger: knows which accounts are one person; None: every account is a person of its own.
        profiles: what people told about themselves; None: nothing is known.
        defaults: what the owner decides for people who have not said what they allow.
        """
        self._ledger = ledger
        self._profiles = profiles
        self._defaults = defaults

    async def person_of(self, identity: Identity) -> PersonId:
        """The person that an account belongs to: the key of their profile and of what is learned about them."""
        if self._ledger is None:  # no account is linked
            return person_kept_under(identity)
        return await self._ledger.identities.person(identity)

    async def identities_of(self, identity: Identity) -> tuple[Identity, ...]:
        """All accounts of the person that ``identity`` belongs to, in the order in which they were linked."""
        return (identity,) if self._ledger is None else await self._ledger.identities.everyone(identity)

    async def profile(self, person_id: PersonId) -> Profile:
        """The profile of a person; an empty one where nothing is known.

        Raises:
            ProfileError: the profile's file is damaged.
        """
        return await self._profiles.get(person_id) if self._profiles else Profile(user_id=person_id)

    async def profile_of(self, event: Event) -> Profile:
        """The profile of the person who did ``event``.

        Raises:
            ProfileError: the profile's file is damaged.
        """
        return await self.profile(await self.person_of(identity_of(event)))

    async def consent(self, person_id: PersonId) -> Consent:
        """What a person allows.

        Raises:
            ProfileError: the profile's file is damaged, so it is not known.
        """
        return consent_of((await self.profile(person_id)).preferences, self._defaults)

    async def may_teach(self, event: Reaction) -> bool:
        """Whether a reaction counts. Of people who opted out of learning, only the removal of a reaction does."""
        if event.action == "removed":
            return True
        return (await self.consent(await self.person_of(identity_of(event)))).learning

    async def consents(self, person_id: PersonId) -> bool:
        """Whether a person is learned from. No: the person opted out, or their profile cannot be read."""
        try:
            return (await self.consent(person_id)).learning
        except ProfileError:
            return False

    async def consents_to_training(self, person_id: PersonId) -> bool:
        """Whether models are trained on a person. No: they did not allow it, or their profile cannot be read."""
        try:
            return (await self.consent(person_id)).training
        except ProfileError:
            return False

    async def opted_out(self, person_id: PersonId) -> bool:
        """Whether no model may be trained on a person.

        Raises:
            ProfileError: the profile's file is damaged, so it is not known.
        """
        return not (await self.consent(person_id)).training
