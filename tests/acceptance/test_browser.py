"""The web chat in a real browser, with the real host in a process of its own."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, FilePayload, Locator, Page, expect

from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from tests.acceptance.browsing import connected, desk, launched, needs_chromium, replies, say, visit

SERVER = Path(__file__).with_name("chat_server.py")
TOKEN = "a-token-of-enough-length"

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_chromium]


class Server:
    """The host's process, to be killed and started again in its place."""

    def __init__(self, data: Path, token: str | None) -> None:
        self.data, self.token = data, token
        self.url = ""
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        port = self.url.rstrip("/").rpartition(":")[2] or "0"
        arguments = [str(SERVER), str(self.data), port, *([self.token] if self.token else [])]
        self._process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
        assert self._process.stdout is not None
        async for line in self._process.stdout:  # its log comes this way too
            if line.startswith(b"http"):
                self.url = line.decode().strip()
                return
        pytest.fail(f"the server ended with {await self._process.wait()}")

    async def kill(self) -> None:
        """SIGKILL: no goodbye."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def learned(self, person: str) -> dict[str, list[dict[str, Any]]]:
        """What the ledger has of ``?person=``; the server is killed first."""
        await self.kill()
        ledger = await Ledger.open(f"sqlite:///{self.data / 'ledger.db'}")
        try:
            return await ledger.export(Identity(f"web:local:person-{person}"))
        finally:
            await ledger.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def server(warm_programs: None, tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(tmp_path, None)
    await server.start()
    yield server
    await server.kill()


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await desk(browser)
    yield context
    await context.close()


def said(page: Page) -> Locator:
    return page.locator(".message.person .body")


async def test_a_newcomer_sees_what_it_is_and_starts_with_a_click(context: BrowserContext, server: Server) -> None:
    page, wrong = await visit(context, server.url, person="")
    await expect(page).to_have_title("Calendar")
    await expect(page.get_by_role("heading", name="Calendar", level=2)).to_be_visible()
    examples = page.get_by_role("list", name="Things to say").get_by_role("button")
    await expect(examples).to_have_count(4)
    await examples.nth(3).click()
    await expect(said(page)).to_have_text(["What do I have tomorrow?"])
    await expect(replies(page)).to_have_count(1)
    await expect(replies(page).first).to_contain_text("You said: What do I have tomorrow?")
    await expect(examples.first).to_be_hidden()
    await expect(page.get_by_label("Message", exact=True)).to_be_focused()
    assert wrong == []


async def test_a_reply_is_seen_while_it_is_written_and_read_out_once(context: BrowserContext, server: Server) -> None:
    page, _ = await visit(context, server.url)
    await say(page, "hold")
    draft = page.locator(".message.draft")
    await expect(draft).to_have_text("I am still")
    await expect(draft).to_have_attribute("aria-hidden", "true")
    await expect(page.get_by_role("log").locator(".message.bot")).to_have_count(0)
    other, _ = await visit(context, server.url, "ben")
    await say(other, "release")
    await expect(replies(page)).to_have_text([re.compile("I am still here, and done.")])
    await expect(draft).to_have_count(0)
    await expect(page.get_by_role("log")).to_have_attribute("aria-live", "polite")
    await expect(replies(page).first).not_to_have_attribute("aria-hidden", "true")


async def test_reactions_are_put_on_and_taken_back_and_the_ledger_learns_of_it(
    context: BrowserContext, server: Server
) -> None:
    page, wrong = await visit(context, server.url)
    await say(page, "hello")
    reply = replies(page).first
    up, down = reply.get_by_role("button", name="Thumbs up"), reply.get_by_role("button", name="Thumbs down")
    for thumb in (up, down):  # drawn: without an emoji font, an emoji is an empty box
        await expect(thumb.locator("svg[aria-hidden=true]")).to_be_visible()
        await expect(thumb).to_have_text("")
    await expect(up).to_have_attribute("aria-pressed", "false")
    await up.click()
    await expect(up).to_have_attribute("aria-pressed", "true")
    await page.reload()
    await expect(up).to_have_attribute("aria-pressed", "true")
    await expect(down).to_have_attribute("aria-pressed", "false")
    await up.click()
    await expect(up).to_have_attribute("aria-pressed", "false")
    await down.click()

    more = reply.get_by_role("button", name="React with another emoji")
    await more.click()
    palette = page.get_by_role("dialog", name="React with any emoji")
    await expect(palette.get_by_role("button", name="Heart")).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Escape")
    await expect(palette).to_be_hidden()
    await expect(more).to_be_focused()
    await page.keyboard.press("Enter")
    await palette.get_by_label("Another emoji").fill("nice")
    await page.keyboard.press("Enter")
    await expect(palette.get_by_role("alert")).to_have_text("That is not one emoji.")
    await palette.get_by_label("Another emoji").fill("👩🏽‍🚀")
    await page.keyboard.press("Enter")
    await expect(reply.get_by_role("button", name="👩🏽‍🚀")).to_have_attribute("aria-pressed", "true")
    await expect(palette).to_be_hidden()
    # A second message, answered, shows that everything before has been through the host.
    await say(page, "and now?")
    await expect(replies(page)).to_have_count(2)
    assert wrong == []
    rewards = (await server.learned("ana"))["rewards"]
    assert [(each["op"], each["raw_value"]) for each in rewards] == [
        ("add", "👍"),
        ("remove", "👍"),
        ("add", "👎"),
        ("add", "👩🏽‍🚀"),
    ]
    assert len({each["interaction_id"] for each in rewards}) == 1


async def test_who_does_not_like_a_reply_says_why_with_one_tap_under_the_thumb(
    context: BrowserContext, server: Server
) -> None:
    page, wrong = await visit(context, server.url)
    await say(page, "a long story")
    reply = replies(page).first
    down, why = reply.get_by_role("button", name="Thumbs down"), reply.get_by_role("group", name="What did you not")
    await down.click()
    await expect(why.get_by_role("button")).to_have_count(7)
    await why.get_by_role("button", name="Too long").press("Enter")
    await expect(why).to_be_hidden()
    await expect(down).to_be_focused()
    await expect(replies(page).nth(1)).to_contain_text("You chose agent:why:too_long:web:")
    await page.reload()
    await expect(replies(page)).to_have_count(2)
    await expect(why).to_be_hidden()
    assert wrong == []


async def test_a_confirmation_is_given_once_and_stays_given(context: BrowserContext, server: Server) -> None:
    page, _ = await visit(context, server.url)
    await say(page, "delete")
    choices = replies(page).first.get_by_role("group", name="Choices").get_by_role("button")
    await expect(choices).to_have_text(["Delete both", "Keep"])
    await choices.first.click()
    await expect(replies(page).nth(1)).to_contain_text("You chose bot:yes.")
    await choices.nth(1).click(force=True)
    await page.reload()
    await expect(choices.first).to_have_attribute("aria-pressed", "true")
    await expect(choices.nth(1)).to_have_attribute("aria-disabled", "true")
    await say(page, "after")
    await expect(replies(page)).to_have_count(3)


async def test_a_server_killed_under_an_open_page_loses_and_repeats_nothing(
    context: BrowserContext, server: Server
) -> None:
    """kill -9 while a reply is being written and while a message waits in the browser; then the same port again."""
    page, _ = await visit(context, server.url)
    await say(page, "before")
    await expect(replies(page)).to_have_count(1)
    await replies(page).first.get_by_role("button", name="Thumbs up").click()
    await say(page, "hold")
    await expect(page.locator(".message.draft")).to_have_text("I am still")
    await server.kill()
    await expect(page.get_by_text("Not connected, trying again…")).to_be_visible()
    await say(page, "said in between")
    await expect(page.get_by_text("Waiting for the connection")).to_be_visible()
    await expect(page.locator(".message.pending")).to_have_count(1)

    await page.wait_for_timeout(5_000)  # the waits between the tries have grown as long as they get
    await server.start()
    began = time.monotonic()
    await connected(page)
    assert time.monotonic() - began < 5
    await expect(page.get_by_text("Connected again.")).to_be_attached()
    other, _ = await visit(context, server.url, "ben")
    await say(other, "release")
    await expect(replies(page)).to_have_count(3)
    await expect(said(page)).to_have_text(["before", "hold", "said in between"])
    await expect(replies(page).nth(1)).to_contain_text("I am still here, and done.")
    await expect(replies(page).nth(2)).to_contain_text("You said: said in between")
    await expect(page.locator(".message.pending, .message.draft, .message.failed")).to_have_count(0)
    shown = await page.locator("#log .message").evaluate_all("nodes => nodes.map((node) => node.dataset.id)")
    await page.reload()
    await expect(replies(page)).to_have_count(3)
    again = await page.locator("#log .message").evaluate_all("nodes => nodes.map((node) => node.dataset.id)")
    assert again == shown
    up = replies(page).first.get_by_role("button", name="Thumbs up")
    await expect(up).to_have_attribute("aria-pressed", "true")
    learned = await server.learned("ana")
    assert sorted(each["said"] for each in learned["interactions"]) == ["before", "hold", "said in between"]
    assert [each["op"] for each in learned["rewards"]] == ["add"]


async def test_a_message_that_waits_survives_a_reload_of_the_page(context: BrowserContext, server: Server) -> None:
    page, _ = await visit(context, server.url)
    # The server never sees what the page sends over this connection: as if it died with the message on the way.
    await page.route("**/session", lambda route: route.abort())
    await server.kill()
    await say(page, "do not forget")
    await expect(page.locator(".message.pending")).to_have_count(1)
    await server.start()
    await page.unroute("**/session")
    await page.reload()
    await expect(replies(page)).to_have_count(1)
    await expect(said(page)).to_have_text(["do not forget"])
    await page.reload()
    await expect(said(page)).to_have_text(["do not forget"])
    assert [each["said"] for each in (await server.learned("ana"))["interactions"]] == ["do not forget"]


async def test_what_a_bot_writes_cannot_run_on_the_page(context: BrowserContext, server: Server) -> None:
    page, wrong = await visit(context, server.url)
    await say(page, "nasty")
    await say(page, "<img src=x onerror=\"document.title='owned'\">")
    await expect(replies(page)).to_have_count(2)
    body = replies(page).first.locator(".body")
    await expect(body).to_contain_text('<script>document.title = "owned"</script>')
    await expect(body.locator("script, img, b, u, i")).to_have_count(0)
    links = await body.get_by_role("link").evaluate_all("nodes => nodes.map((node) => node.href)")
    assert links == ["https://example.org/a_(b)?q=%22x%22", "https://example.org/track.png"]
    await expect(body.get_by_role("table").get_by_role("cell")).to_have_text(["<u>1</u>", "2"])
    await expect(body.locator("li li")).to_have_text(["two"])
    await expect(body.locator("strong em")).to_have_text(["both"])
    await expect(said(page).nth(1)).to_have_text("<img src=x onerror=\"document.title='owned'\">")
    await expect(page).to_have_title("Calendar · ana")
    assert wrong == []


async def test_cards_and_files_are_shown_and_the_file_can_be_saved(
    context: BrowserContext, server: Server, tmp_path: Path
) -> None:
    page, _ = await visit(context, server.url)
    await say(page, "card")
    card = replies(page).first.locator(".card")
    await expect(card.get_by_role("heading")).to_have_text("Friday")
    await expect(card.get_by_role("definition")).to_have_text(["Team sync", "Lunch with Ana"])
    await say(page, "file")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="calendar.ics").click()
    saved = tmp_path / "saved.ics"
    await (await download.value).save_as(saved)
    assert await asyncio.to_thread(saved.read_bytes) == b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"


def attached(page: Page) -> Locator:
    return page.get_by_role("list", name="Attached files").get_by_role("listitem")


async def test_files_are_attached_with_the_button_and_sent_with_the_message(
    context: BrowserContext, server: Server
) -> None:
    page, wrong = await visit(context, server.url)
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Attach a file").click()
    files = [FilePayload(name=name, mimeType="", buffer=text) for name, text in (("a.txt", b"one"), ("b.txt", b"two"))]
    await (await chooser.value).set_files(files)
    await expect(attached(page)).to_have_text(["a.txt3 B×", "b.txt3 B×"])
    await page.get_by_role("button", name="Remove a.txt").click()
    await expect(attached(page)).to_have_text(["b.txt3 B×"])
    await page.keyboard.press("Tab")
    await page.get_by_role("button", name="Send").click()  # a file needs no words
    await expect(replies(page).first).to_contain_text("b.txt says two")
    await expect(attached(page)).to_have_count(0)
    await page.reload()
    async with page.expect_download() as download:
        await page.locator(".message.person").get_by_role("link", name="b.txt").click()
    assert (await download.value).suggested_filename == "b.txt"
    assert wrong == []


async def test_files_are_dropped_anywhere_on_the_page_and_pasted_into_the_box(
    context: BrowserContext, server: Server
) -> None:
    page, wrong = await visit(context, server.url)
    data = await page.evaluate_handle(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["dropped"], "d.txt"));
          return data;
        }"""
    )
    hint = page.get_by_text("Drop the file to attach it")
    await page.dispatch_event("main", "dragover", {"dataTransfer": data})
    await expect(hint).to_be_visible()
    await page.dispatch_event("main", "drop", {"dataTransfer": data})
    await expect(hint).to_be_hidden()
    await expect(attached(page)).to_have_text(["d.txt7 B×"])
    await page.get_by_label("Message", exact=True).evaluate(
        """(box) => {
          const data = new DataTransfer();
          data.items.add(new File(["pasted"], "p.txt"));
          box.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }"""
    )
    await expect(attached(page)).to_have_text(["d.txt7 B×", "p.txt6 B×"])
    await say(page, "two of them")
    await expect(replies(page).first).to_contain_text("d.txt says dropped; p.txt says pasted")
    assert wrong == []


async def test_why_a_file_is_not_attached_is_said_and_what_was_written_stays(
    context: BrowserContext, server: Server
) -> None:
    page, _ = await visit(context, server.url)
    box, notice, choose = page.get_by_label("Message", exact=True), page.locator("#notice"), page.locator("#files")
    await box.fill("see this")
    await choose.set_input_files(FilePayload(name="big.mov", mimeType="", buffer=bytes(50_001)))
    await expect(notice).to_have_text("big.mov is not attached: larger than 0.05 MB.")
    await choose.set_input_files(FilePayload(name="empty.txt", mimeType="", buffer=b""))
    await expect(notice).to_have_text("empty.txt is not attached: it is empty.")
    await choose.set_input_files([FilePayload(name=f"{n}.txt", mimeType="", buffer=b"x") for n in range(11)])
    await expect(notice).to_have_text("10.txt is not attached: a message has 10 files at most.")
    await expect(attached(page)).to_have_count(10)
    for number in range(10):
        await page.get_by_role("button", name=f"Remove {number}.txt").click()
    await page.route("**/uploads?*", lambda route: route.abort())
    await choose.set_input_files(FilePayload(name="lost.txt", mimeType="", buffer=b"x"))
    await expect(notice).to_have_text("lost.txt is not attached: the connection is lost, or the file cannot be read.")
    await expect(attached(page)).to_have_count(0)
    await expect(box).to_have_value("see this")


async def test_everything_can_be_done_with_the_keyboard(context: BrowserContext, server: Server) -> None:
    page, _ = await visit(context, server.url)
    box = page.get_by_label("Message", exact=True)
    await expect(box).to_be_focused()
    await page.keyboard.type("two")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("lines")
    await page.keyboard.press("Enter")
    await expect(said(page)).to_have_text("two\nlines")
    await expect(box).to_have_value("")
    await page.keyboard.press("Enter")  # nothing to send
    await say(page, "delete")
    await expect(replies(page)).to_have_count(2)
    # Backwards from the box: more, down, up of the last reply, then its choices.
    for name in ("React with another emoji", "Thumbs down", "Thumbs up", "Keep", "Delete both"):
        await page.keyboard.press("Shift+Tab")
        focused = page.locator(":focus")
        await expect(focused).to_have_accessible_name(name)
        outline = await focused.evaluate(
            "node => getComputedStyle(node).outlineStyle + getComputedStyle(node).outlineWidth"
        )
        assert outline == "solid2px"
    await page.keyboard.press("Enter")
    await expect(replies(page)).to_have_count(3)
    await expect(page.locator(":focus")).to_have_accessible_name("Delete both")
    unnamed = await page.locator("button, input, textarea, a").evaluate_all(
        "nodes => nodes.filter((node) => !node.closest('[aria-hidden]') && !node.textContent.trim()"
        " && !node.ariaLabel && !node.labels?.length && node.ariaHidden !== 'true').map((node) => node.outerHTML)"
    )
    assert unnamed == []


async def test_conversations_are_begun_and_found_again(context: BrowserContext, server: Server) -> None:
    page, _ = await visit(context, server.url)
    await say(page, "plan my week")
    await expect(replies(page)).to_have_count(1)
    await page.get_by_role("button", name="New conversation").first.click()
    await expect(page.get_by_role("heading", name="this is Calendar")).to_be_visible()
    await expect(said(page)).to_have_count(0)
    await page.get_by_role("button", name="Conversations", exact=True).click()
    await page.get_by_role("dialog", name="Conversations").get_by_role("button", name="plan my week").click()
    await expect(said(page)).to_have_text(["plan my week"])
    await page.reload()
    await expect(said(page)).to_have_text(["plan my week"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone_and_can_be_read(browser: Browser, server: Server, scheme: Any) -> None:
    """360 pixels wide, in both schemes: nothing sticks out, and text stands out (WCAG AA: 4.5 to 1)."""
    context = await browser.new_context(viewport={"width": 360, "height": 640}, color_scheme=scheme)
    page, _ = await visit(context, server.url)
    for text in ("nasty", "card", "delete", "x" * 300):
        await say(page, text)
    await expect(replies(page)).to_have_count(4)
    for selector in ("html", "#scroll"):
        wide, client = await page.locator(selector).evaluate("node => [node.scrollWidth, node.clientWidth]")
        assert wide <= client
    poor = await page.evaluate(CONTRAST)
    assert poor == []
    await context.close()


async def test_a_token_is_asked_for_once(context: BrowserContext, tmp_path: Path) -> None:
    server = Server(tmp_path, TOKEN)
    await server.start()
    page = await context.new_page()
    await page.goto(server.url)
    dialog = page.get_by_role("dialog", name="This chat is private")
    await dialog.get_by_label("Access token").fill("not the right one")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).to_have_text("That is not the token.")
    await dialog.get_by_label("Access token").fill(TOKEN)
    await page.keyboard.press("Enter")
    await connected(page)
    await expect(dialog).to_be_hidden()
    await page.reload()
    await connected(page)
    await say(page, "hi")
    await expect(replies(page)).to_have_count(1)

    await context.clear_cookies()
    link = await context.new_page()
    await link.goto(f"{server.url}#token={TOKEN}")
    await connected(link)
    assert TOKEN not in link.url  # it must not be copied along with the address
    await server.kill()


#: The text on the page whose contrast with what is behind it is under 4.5 to 1.
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = rgb(getComputedStyle(at).backgroundColor);
      if (color[3] > 250) return color;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")].filter((node) =>
    node.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && !node.closest(".sr, .react") && [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()))
    .map((node) => [node.outerHTML.slice(0, 80), light(rgb(getComputedStyle(node).color)), light(behind(node))])
    .map(([what, one, two]) => [what, (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05)])
    .filter(([, contrast]) => contrast < 4.5);
}"""


async def test_the_page_shows_markdown_as_the_other_platforms_do(context: BrowserContext, server: Server) -> None:
    """Bold beside CJK punctuation, the numbers of lists, line breaks in cells, paths."""
    page, wrong = await visit(context, server.url)
    cases = {
        "これは**「重要」**です": "<p>これは<strong>「重要」</strong>です</p>",
        "3. a\n25. b": '<ol start="3"><li value="3">a</li><li value="25">b</li></ol>',
        "1. a\n1. b": "<ol><li>a</li><li>b</li></ol>",
        "1) a\n2) b": '<ol class="bracket"><li value="1">a</li><li value="2">b</li></ol>',
        "- [x] a": "<ul><li>☑ a</li></ul>",
        "a<br/>b &lt;i&gt;": "<p>a<br>b &lt;i&gt;</p>",
        r"C:\new\table \\server\share": r"<p>C:\new\table \\server\share</p>",
        r"C:\.config snake\_case": r"<p>C:\.config snake_case</p>",
        r"C:\\new **D:\a\**": r"<p>C:\new <strong>D:\a" + "\\</strong></p>",
    }
    render = """async (text) => {
        const { render } = await import("/markdown.js");
        const frame = document.createElement("div");
        frame.append(render(text));
        return frame.innerHTML;
    }"""
    assert {text: await page.evaluate(render, text) for text in cases} == cases
    table = await page.evaluate(render, "| a |\n|---|\n| x<br>y |")
    assert "<td>x<br>y</td>" in table
    assert wrong == []
