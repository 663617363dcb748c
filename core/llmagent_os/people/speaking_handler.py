"""Has every event answered in the language of its person.

It is composed in plain sight: ``SpeakingHandler(Admission(…), languages)``. It is the outermost handler, so that
strangers, too, are told in their language how to be let in.
"""

from __future__ import annotations

from llmagent_os.events import Event
from llmagent_os.handler import Draft, Handler, Outcome
from llmagent_os.languages import speaking
from llmagent_os.people.person_languages import PersonLanguages


class SpeakingHandler:
    """A handler that sets the language in force while another one answers."""

    def __init__(self, handler: Handler, languages: PersonLanguages) -> None:
        """Args: ``handler`` answers, in the language that ``languages`` say."""
        self._handler = handler
        self._languages = languages

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        if event.sender.is_bot:
            return await self._handler.handle(event, draft)
        heard = await self._languages.hear(event)
        with speaking(heard.language):
            outcome = await self._handler.handle(event, draft)
        # Of strangers, of people who were erased, and of what people say to each other, nothing is kept.
        if outcome.interaction is not None and not outcome.interaction.silent and not outcome.erases:
            await self._languages.keep(heard)
        return outcome
