"""What Ana, Ben and Zoe do on Slack, Discord or Telegram, and what they must see."""

from __future__ import annotations

from pathlib import Path

from tests.platforms.server import PlatformServer, Shown
from tests.platforms.slack import SlackServer
from tests.tour.documents import HANDBOOK, HOSTILE, pdf
from tests.tour.platform_person import PATIENCE, PlatformPerson
from tests.tour.transcript import Transcript

#: What is wrong, and what the answer must say.
WRONG = (
    ("/quiet 25:00-7", r"I don't know `?/quiet 25:00-7.*Try"),
    ("/language klingon", r"I do not speak “klingon”.*Deutsch"),
    ("/voice maybe", r"I don't know `?/voice maybe.*Try"),
    ("/graphics blue", r"I don't know `?/graphics blue.*Try"),
    ("/memory forget 77", r"no memory with the number 77"),
    ("/knowledge remove 99", r"no document 99"),
    ("/learn", r"Tell me what to learn"),
    ("/learn http://127.0.0.1/x", r"cannot learn http://127.0.0.1/x.*private network"),
    ("/link zzzz", r"code is not valid"),
    ("/privacy sideways", r"sideways|Try"),
    ("/credentials add nothing", r"don't know what you wrote behind `?/credentials.*There are"),
    ("/audit", r"Only admins"),
)


class PlatformWalk:
    """The steps on one platform, in their order."""

    def __init__(self, server: PlatformServer, transcript: Transcript, folder: Path) -> None:
        self.server, self.transcript, self.folder = server, transcript, folder
        self.ana = PlatformPerson(server, "Ana", server.ana, transcript)
        self.ben = PlatformPerson(server, "Ben", server.ben, transcript)
        self.zoe = PlatformPerson(server, "Zoe", server.newcomer(1), transcript)

    def step(self, title: str) -> None:
        self.transcript.step(self.server.name, title)

    async def teach(self) -> None:
        """A document is learned, cited and shown; a hostile one does nothing."""
        self.step("teach it a document and get a cited answer")
        handbook = pdf(self.folder, "handbook.pdf", HANDBOOK)
        await self.ana.say("learn this", r"Learned “handbook.pdf” \(2 passages\)", files={"handbook.pdf": handbook})
        answer = await self.ana.say("where is lunch served?", r"garden at noon.*Source: handbook.pdf \(page 2\)")
        await self.ana.press(answer, answer.buttons[0], r"When it rains we eat in the kitchen")
        self.step("a hostile document does nothing")
        await self.ana.say("Schedule a meeting with John at 3pm tomorrow", r"added.*John.*tomorrow")
        hostile = pdf(self.folder, "notes.pdf", HOSTILE)
        await self.ana.say("learn this", r"Learned “notes.pdf”", files={"notes.pdf": hostile})
        await self.ana.say("where does the cleaning schedule hang?", r"kitchen.*Source: notes.pdf")
        await self.ana.say("yes", r".")
        await self.ana.say("what do I have tomorrow?", r"John")

    async def picture(self) -> None:
        self.step("see the week as a picture")
        await self.ana.say("show me my week as a picture", r"\.(png|jpg)")

    async def voice(self, spoken: bytes) -> None:
        """``spoken`` asks what there is tomorrow, as Ogg/Opus."""
        self.step("speak to it and hear it")
        await self.ana.say("", r"You said: What do I have tomorrow\?", files={"voice.ogg": spoken}, voice=True)
        await self.ana.command("/voice on", r"from now on")
        await self.ana.say("hello", r"voice|\.ogg")
        await self.ana.command("/voice off", r"\.")
        await self.ana.say("", r"it is no sound", files={"voice.ogg": b"no sound at all"}, voice=True)

    async def thumb(self) -> None:
        self.step("a thumb with a reason")
        on_slack = isinstance(self.server, SlackServer)
        channel = self.server.group if on_slack else ""
        answer = await self.ana.say("what do I have on Friday?", r"Friday", channel=channel)
        question = await self.ana.react(answer, "👎", r"What did you not like", channel=channel)
        if on_slack:
            self.transcript.holds(question.only_for == self.ana.user, "in a channel nobody else sees the question")
        await self.server.press(question.message_id, "Too long", user=self.ana.user)
        self.transcript.said(self.server.name, "Ana", "(presses “Too long”)")

        def closed() -> bool:
            shown = [one for one in self.ana.sees(channel) if one.message_id == question.message_id]
            return not any("Too long" in one.buttons for one in shown)

        await self.server.wait(closed, PATIENCE)
        self.transcript.holds(closed(), "the question goes with the answer")

    async def refused(self) -> None:
        """Ben presses the button of a reply to Ana."""
        self.step("another person's press is refused")
        group = self.server.group
        await self.ana.say("add swimming tomorrow at 9am", r"added.*swimming", channel=group)
        await self.ana.say("add chess tomorrow at 7pm", r"added.*chess", channel=group)
        asked = await self.ana.say("delete all my events", r"\?", channel=group)
        await self.ben.is_refused(asked, asked.buttons[0], "This button is for the person whom I answered here.")
        await self.server.press(asked.message_id, asked.buttons[-1], user=self.ana.user)
        self.transcript.said(self.server.name, "Ana", f"(presses “{asked.buttons[-1]}”)")
        await self.ana.say("what do I have tomorrow?", r"swimming.*chess", channel=group)

    async def languages(self) -> None:
        self.step("German")
        await self.ben.command("/language de", r"spreche ich Deutsch")
        await self.ben.command("/help", r"Ich bin Calendar.*/forget`?: alles löschen")
        await self.ben.command("/privacy", r"an.*: Ich darf mir merken")
        await self.ben.command("/memory forget 77", r"Nummer 77")
        self.step("Chinese")
        await self.zoe.say("你好，请问你能帮我做什么？我想安排明天下午的会议。", r"[一-鿿]")
        await self.zoe.command("/language zh", r"[一-鿿]")
        await self.zoe.command("/help", r"/forget`?[:：] ?[一-鿿]")
        await self.zoe.command("/privacy", r"[一-鿿].*training")
        await self.zoe.command("/memory forget 77", r"[一-鿿].*77|77.*[一-鿿]")

    async def quiet(self) -> None:
        self.step("quiet hours and credentials")
        await self.ana.command("/quiet 22:00-07:00", r"from 22:00 to 07:00.*Reminders that you have set still come")
        await self.ana.command("/quiet", r"22:00")
        await self.ana.command("/quiet off", r".")
        listed = await self.ana.command("/credentials", r"caldav.*given none")
        await self.ana.press(listed, "Add caldav", r"Type `?/caldav`? to sign in")

    async def wrong(self) -> None:
        self.step("wrong input gets a clear answer")
        for line, answer in WRONG:
            if self.server.name == "discord" and line == "/audit":
                continue  # Discord's menu has no commands of admins where there are none
            await self.ana.command(line, answer)
        broken = {"broken.pdf": b"%PDF-1.4 no"}
        await self.ana.say("learn this", r"cannot learn broken.pdf: it is damaged, or no PDF", files=broken)
        empty = {"empty.txt": b"   "}
        await self.ana.say("learn this", r"cannot learn empty.txt: it holds no text", files=empty)
        await self.ana.say("schedule a meeting at 25 o'clock on the 99th", r"No month has a 99th")

    async def pane(self) -> None:
        """Slack alone has it."""
        if not isinstance(self.server, SlackServer):
            return
        self.step("the assistant pane")
        slack, channel = self.server, self.server.direct(self.ana.user)
        thread = await slack.open_pane()
        await slack.wait(lambda: (channel, thread) in slack.prompts)
        self.transcript.said("slack", "offers", ", ".join(slack.prompts[channel, thread]))
        await slack.say("what do I have tomorrow?", reply_to=thread)
        await slack.wait(lambda: any(answers(one, thread) for one in self.ana.sees()), 60.0)
        self.transcript.said("slack", "status", ", ".join(filter(None, slack.past_statuses)))
        await slack.wait(lambda: (channel, thread) in slack.titles)
        self.transcript.holds(slack.titles[channel, thread], f"the thread is named “{slack.titles[channel, thread]}”")


def answers(shown: Shown, thread: str) -> bool:
    return shown.thread == thread and "John" in shown.text
