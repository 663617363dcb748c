"""A real host with the web chat and a bot that does what its tests ask for, as a process of its own to be killed.

Usage: ``python chat_server.py DATA PORT [TOKEN]``. Prints the page's address once it listens.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from llmagent_os.adapter import Button, Card, Reply
from llmagent_os.adapters.web import WebAdapter
from llmagent_os.events import ButtonPress, Command, Event, Message, event_key
from llmagent_os.feedback.reason_questions import ReasonQuestions
from llmagent_os.handler import Draft, Outcome
from llmagent_os.host.host import Host
from llmagent_os.identity import identity_of
from llmagent_os.ledger import Interaction, Ledger
from llmagent_os.people.directory import Directory

NASTY = """# Title <b>not bold</b>
<script>document.title = "owned"</script><img src=x onerror="document.title='owned'">
[click](javascript:document.title='owned') [also](data:text/html,owned) [fine](https://example.org/a_(b)?q="x")
![picture](https://example.org/track.png) **bold *both*** `<i>code</i>`

- one
  - two

| a | b |
|---|---|
| <u>1</u> | 2 |"""


MAX_FILE_BYTES = 50_000


class Bot:
    """Answers at once, except to ``hold``, which it finishes when somebody says ``release``."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.released = asyncio.Event()

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        reply = await self._reply(event, draft)
        said = event.text if isinstance(event, Message) else ""
        interaction = Interaction(
            interaction_id=event_key(event),
            event_id=event.event_id,
            user_id=identity_of(event),
            conversation_key=event.conversation.key,
            said=said,
            completion=reply.text,
            action={"verbosity": "detailed"} if said == "a long story" else {},  # the bot asks why it was not liked
        )
        return Outcome(reply, interaction)

    async def _reply(self, event: Event, draft: Draft) -> Reply:
        match event:
            case ButtonPress(value=value):
                return Reply(f"You chose {value}.")
            case Command(name=name, arguments=arguments):
                return Reply(f"Command {name}: {arguments}.")
            case Message(text="hold"):
                await draft("I am still")
                await self.released.wait()
                return Reply("I am still here, and done.")
            case Message(text="release"):
                self.released.set()
                return Reply("Released.")
            case Message(text="delete"):
                return Reply(
                    "Delete both?", buttons=(Button("Delete both", "bot:yes", "danger"), Button("Keep", "bot:no"))
                )
            case Message(text="card"):
                return Reply("Two things.", card=Card("Friday", (("9:00", "Team sync"), ("12:30", "Lunch with Ana"))))
            case Message(text="file"):
                export = self.data / "calendar.ics"
                await asyncio.to_thread(export.write_text, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
                return Reply("Here it is.", files=(str(export),))
            case Message(attachments=(_, *_) as files):
                contents = [await asyncio.to_thread(Path(file.path).read_text) for file in files]
                return Reply("; ".join(f"{file.name} says {text}" for file, text in zip(files, contents, strict=True)))
            case Message(text="nasty"):
                return Reply(NASTY)
            case Message(text=text):
                return Reply(f"You said: {text}")
            case _:
                return Reply("What?")


async def main(data: Path, port: int, token: str | None) -> None:
    """Serve until killed."""
    ledger = await Ledger.open(f"sqlite:///{data / 'ledger.db'}")
    examples = ("card", "delete", "file", "What do I have tomorrow?")
    adapter = WebAdapter(
        port=port, token=token, data=data, title="Calendar", examples=examples, max_file_bytes=MAX_FILE_BYTES
    )
    questions = ReasonQuestions(ledger, Directory(ledger, None), pause_replies=0)
    host = Host(Bot(data), ledger, [adapter], question=questions.question)
    running = asyncio.create_task(host.run())
    print(await adapter.started(), flush=True)
    await running


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None))
