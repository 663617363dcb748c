"""A form under a reply of the web chat, in a real browser. What breaks without this: nobody can fill one in there."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from llmagent_os.adapters.web.adapter import WebAdapter
from llmagent_os.agent import Agent
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugins.poll import PollPlugin
from llmagent_os.plugins.reminders import RemindersPlugin
from llmagent_os.reply.agent_settings import AgentSettings
from llmagent_os.reply.services import Services
from llmagent_os.testing import ScriptedLLM, running
from llmagent_os.tools.registry import Plugins
from tests.acceptance.browsing import desk, launched, needs_chromium, replies, say, visit

pytestmark = needs_chromium

#: A folder for screenshots; none are taken without it.
SHOTS = os.environ.get("LLMAGENT_OS_TEST_SHOTS", "")


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    adapter = WebAdapter(port=0, data=tmp_path / "web", title="Helper")
    async with Plugins(
        installed=(), records=ledger.records, timers=ledger.timers, shared=ledger.shared_records
    ) as plugins:
        await plugins.add(PollPlugin())
        await plugins.add(RemindersPlugin())
        services = Services(
            ledger=ledger,
            profiles=Profiles(tmp_path / "profiles"),
            plugins=plugins,
            settings=AgentSettings(asks_consent=False),
            form_ways={adapter.name: adapter.capabilities.forms},
        )
        async with running(Host(Agent(llm=ScriptedLLM("Hm."), services=services), ledger, [adapter])):
            yield await adapter.started()
    await ledger.close()


async def shot(page: Page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/{name}.png")


async def test_a_form_is_filled_in_corrected_and_sent_once(url: str) -> None:
    async with launched() as browser:
        context = await desk(browser)
        page, wrong = await visit(context, url)
        await say(page, "/poll")
        await page.get_by_role("button", name="New poll").click()
        form = page.get_by_role("form", name="Form: New poll")
        await expect(form.get_by_label("Question")).to_be_focused()
        await shot(page, "form")
        await form.get_by_role("button", name="Send the form").click()
        await expect(form.get_by_label("Question")).to_have_attribute("aria-invalid", "true")
        await form.get_by_label("Question").fill("Where do we have lunch?")
        await form.get_by_label("Options").fill("Soup")
        await form.get_by_label("Show who voted for what?").select_option("Yes")
        await form.get_by_role("button", name="Send the form").click()
        await expect(form.get_by_role("alert").filter(has_text="Give 2 to 10 options")).to_be_visible()
        await expect(form).to_have_count(1)
        await expect(form.get_by_label("Options")).to_be_focused()
        await expect(form.get_by_label("Question")).to_have_value("Where do we have lunch?")
        await shot(page, "errors")
        await page.set_viewport_size({"width": 360, "height": 740})
        await page.reload()
        await expect(form.get_by_label("Options")).to_have_value("Soup")
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, "a phone shows all of it"
        await form.scroll_into_view_if_needed()
        await shot(page, "narrow")
        await form.get_by_label("Options").fill("Soup\nSalad")
        await page.keyboard.press("Tab")
        await form.get_by_role("button", name="Send the form").press("Enter")
        poll = replies(page).last
        await expect(poll.get_by_role("button", name="Salad")).to_be_visible()
        await expect(poll).to_contain_text("Votes are shown with names.")
        await expect(form).to_have_count(0)
        await poll.get_by_role("button", name="Salad").click()
        await expect(poll).to_contain_text("1 person has voted.")
        tall = await page.evaluate("document.documentElement.scrollHeight - innerHeight")
        assert tall <= 0, "nothing scrolls the page itself, and its top with it, out of sight"
        assert await page.locator("#typing").is_hidden(), "new counts are the answer: nothing more is announced"
        assert wrong == []
        await context.close()
