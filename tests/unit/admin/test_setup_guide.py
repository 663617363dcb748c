"""Setting a platform up: whoever does it sees the platform's developer pages for the first time, and believes us."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from llmagent_os.admin import platform_api
from llmagent_os.admin.doctor import examine
from llmagent_os.admin.setup_guide import Guidance, GuideSetup, find_guide, guide, known_guides
from llmagent_os.bot import Bot, BotConfig
from llmagent_os.cli import main
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError

BOT_TOKEN = "xoxb-1-2-" + "s" * 20
APP_TOKEN = "xapp-1-A1-" + "s" * 20
SIGNING = "0123456789abcdef" * 2
DISCORD = "MTIz.abc.secretsecretsecret"
TELEGRAM = "123456:" + "S" * 35
TOKENS = {"slack_bot_token": BOT_TOKEN, "discord_token": DISCORD, "telegram_token": TELEGRAM}


class Platform:
    """An API on loopback that gives the answers put into it, by the last part of the path."""

    def __init__(self) -> None:
        self.address = ""
        self.answers: dict[str, Any] = {}
        self.asked: list[web.Request] = []

    def settings(self, **given: object) -> Settings:
        urls = dict.fromkeys(("slack_api_url", "discord_api_url", "telegram_api_url"), self.address)
        return Settings.load(env_file=None, **urls, **given)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        found = self.answers.get(request.path, self.answers.get(request.path.rpartition("/")[2]))
        if found is None:
            return web.json_response({"ok": False, "error": "unknown_method", "message": "404: Not Found"}, status=404)
        if isinstance(found, web.Response):
            return web.Response(status=found.status, headers=found.headers, body=found.body)
        return web.json_response(found)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # pyright: ignore[reportUnusedFunction]
    for name in Settings.variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    here = Platform()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", here.handle)
    async with TestServer(application) as server:
        here.address = str(server.make_url("/"))
        yield here


@pytest.fixture
def slack(platform: Platform) -> Platform:
    scopes = ",".join(manifest(Settings.load(env_file=None))["oauth_config"]["scopes"]["bot"])
    who = {"ok": True, "user": "calendar", "team": "Ours", "url": "https://ours.slack.com/"}
    platform.answers = {
        "auth.test": web.json_response(who, headers={"x-oauth-scopes": scopes}),
        "apps.connections.open": {"ok": True, "url": "wss://wss-primary.slack.com/link/?ticket=1"},
    }
    return platform


@pytest.fixture
def discord(platform: Platform) -> Platform:
    platform.answers = {
        "/users/@me": {"id": "123", "username": "calendar", "bot": True},
        "/oauth2/applications/@me": {"id": "123", "name": "Calendar", "flags": 1 << 19},
        "/users/@me/guilds": [{"id": "9"}],
    }
    return platform


@pytest.fixture
def telegram(platform: Platform) -> Platform:
    me = {"id": 123456, "is_bot": True, "first_name": "Calendar", "username": "ours_bot"}
    groups = {"can_join_groups": True, "can_read_all_group_messages": True}
    platform.answers = {
        "getMe": {"ok": True, "result": me | groups},
        "getWebhookInfo": {
            "ok": True,
            "result": {"url": "", "has_custom_certificate": False, "pending_update_count": 0},
        },
    }
    return platform


BOT = BotConfig(
    name="calendar", title="Calendar", about="I keep your calendar.", model="calendar", examples=tuple("abcde")
)
COMMANDS = {"help": "what I can do", "status": "how I am", "export": "your calendar as a file"}


async def ask(name: str, settings: Settings, address: str = "") -> Guidance:
    return await find_guide(name)(GuideSetup(settings, BOT, COMMANDS, address))


def manifest(settings: Settings, address: str = "") -> dict[str, Any]:
    from llmagent_os.adapters.slack.setup_guide import manifest

    return manifest(GuideSetup(settings, BOT, COMMANDS, address))


def problems(guidance: Guidance) -> list[str]:
    found = [finding for finding in guidance.findings if finding.state == "problem"]
    assert all(finding.remedy for finding in found)
    return [finding.text for finding in found]


# -- Slack -------------------------------------------------------------------------------------------------------------


def test_slack_manifest_makes_an_app_that_can_be_talked_to() -> None:
    """A missing event or scope shows only when nothing arrives; a reserved command has Slack refuse it all."""
    made = manifest(Settings.load(env_file=None))
    assert made["display_information"] == {"name": "Calendar", "description": "I keep your calendar."}
    assert made["features"]["app_home"]["messages_tab_enabled"]
    assert not made["features"]["app_home"]["messages_tab_read_only_enabled"]
    commands = made["features"]["slash_commands"]
    assert [each["command"] for each in commands] == ["/help", "/export"]
    assert all(each.keys() == {"command", "description", "should_escape"} for each in commands)
    assert made["settings"]["socket_mode_enabled"]
    assert "request_url" not in json.dumps(made)
    assistant = made["features"]["assistant_view"]
    assert assistant["assistant_description"] == "I keep your calendar."
    assert [prompt["message"] for prompt in assistant["suggested_prompts"]] == ["a", "b", "c", "d"]
    scopes = set(made["oauth_config"]["scopes"]["bot"])
    for event in made["settings"]["event_subscriptions"]["bot_events"]:
        kind = event.removeprefix("message.")
        history = {"channels": "channels", "groups": "groups", "im": "im", "mpim": "mpim"}.get(kind)
        others = {"app_mention": "app_mentions:read", "assistant_thread_started": "assistant:write"}
        needed = f"{history}:history" if history else others.get(event, "reactions:read")
        assert needed in scopes


def test_slack_manifest_over_http_says_where_to_call() -> None:
    made = manifest(Settings.load(env_file=None), "https://bot.example.com")
    url = "https://bot.example.com/slack/events"
    assert not made["settings"]["socket_mode_enabled"]
    assert made["settings"]["event_subscriptions"]["request_url"] == url
    assert made["settings"]["interactivity"] == {"is_enabled": True, "request_url": url}
    assert {each["url"] for each in made["features"]["slash_commands"]} == {url}
    own = manifest(Settings.load(env_file=None), "https://bot.example.com/here")
    assert own["settings"]["interactivity"]["request_url"] == "https://bot.example.com/here"


def test_slack_manifest_keeps_to_its_limits() -> None:
    from llmagent_os.adapters.slack.setup_guide import manifest

    long = BotConfig(name="calendar", title="T" * 60, about="a" * 300, model="calendar")
    many = {f"c{number}": "x" * 3000 for number in range(80)} | {"Größe": "no name for Slack"}
    made = manifest(GuideSetup(Settings.load(env_file=None), long, many))
    assert len(made["display_information"]["name"]) == 35
    assert len(made["display_information"]["description"]) == 140
    assert len(made["features"]["slash_commands"]) == 50
    assert {len(each["description"]) for each in made["features"]["slash_commands"]} == {2000}
    assert made["features"]["assistant_view"] == {"assistant_description": "a" * 300}


async def test_slack_link_has_the_manifest_and_what_is_pasted_is_the_same(slack: Platform) -> None:
    guidance = await ask("slack", slack.settings())
    link = next(line.strip() for line in guidance.steps.splitlines() if "manifest_json=" in line)
    assert json.loads(parse_qs(urlsplit(link).query)["manifest_json"][0]) == json.loads(guidance.paste)
    assert "/status: write it after @calendar" in guidance.steps


async def test_slack_without_tokens_is_no_problem_yet(slack: Platform) -> None:
    guidance = await ask("slack", slack.settings())
    assert {finding.state for finding in guidance.findings} == {"note"}
    assert slack.asked == []


async def test_slack_with_good_tokens_is_fine(slack: Platform) -> None:
    guidance = await ask("slack", slack.settings(slack_bot_token=BOT_TOKEN, slack_app_token=APP_TOKEN))
    assert {finding.state for finding in guidance.findings} == {"ok"}
    assert "'calendar' in the workspace 'Ours'" in guidance.findings[0].text
    sent = [request.headers["Authorization"] for request in slack.asked]
    assert sent == [f"Bearer {BOT_TOKEN}", f"Bearer {APP_TOKEN}"]


async def test_slack_names_each_scope_that_is_missing_and_its_use(slack: Platform) -> None:
    """An app made before a scope was added works, and silently lacks one thing."""
    slack.answers["auth.test"].headers["x-oauth-scopes"] = "chat:write, commands,app_mentions:read"
    guidance = await ask("slack", slack.settings(slack_bot_token=BOT_TOKEN, slack_app_token=APP_TOKEN))
    found = problems(guidance)
    assert "the scope reactions:read is missing: learning from reactions" in found
    (optional,) = [finding for finding in guidance.findings if "assistant:write" in finding.text]
    assert (optional.state, "install the app" in optional.remedy) == ("note", True), "the bot works without it"
    assert not any("chat:write" in text for text in found)


async def test_slack_tokens_in_each_others_place_are_noticed(slack: Platform) -> None:
    with pytest.raises(ConfigError) as caught:
        slack.settings(slack_bot_token=APP_TOKEN, slack_app_token=BOT_TOKEN)
    first, second = str(caught.value).splitlines()
    assert "SLACK_BOT_TOKEN" in first
    assert "a Slack app-level token (xapp-...), which belongs in SLACK_APP_TOKEN" in first
    assert "SLACK_APP_TOKEN" in second
    assert "a Slack bot token (xoxb-...), which belongs in SLACK_BOT_TOKEN" in second
    assert slack.asked == [], "a token in the wrong place is sent nowhere"


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ({"slack_bot_token": BOT_TOKEN}, ["neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET"]),
        ({"slack_bot_token": BOT_TOKEN, "slack_signing_secret": "no"}, ["SLACK_SIGNING_SECRET is no signing secret"]),
        ({"slack_bot_token": "hunter2", "slack_signing_secret": SIGNING}, ["is no token that starts with xoxb-"]),
        ({"slack_bot_token": BOT_TOKEN, "slack_signing_secret": SIGNING}, []),
    ],
)
async def test_slack_settings_that_do_not_fit_are_named(
    slack: Platform, given: dict[str, str], parts: list[str]
) -> None:
    found = problems(await ask("slack", slack.settings(**given)))
    assert len(found) == len(parts), found
    for part, text in zip(parts, found, strict=True):
        assert part in text


@pytest.mark.parametrize("error", ["invalid_auth", "token_revoked", "missing_scope", "something_new"])
async def test_slack_token_that_is_refused_is_named(slack: Platform, error: str) -> None:
    slack.answers["apps.connections.open"] = {"ok": False, "error": error}
    (text,) = problems(await ask("slack", slack.settings(slack_bot_token=BOT_TOKEN, slack_app_token=APP_TOKEN)))
    assert "SLACK_APP_TOKEN" in text
    slack.answers["auth.test"] = {"ok": False, "error": error}
    assert len(problems(await ask("slack", slack.settings(slack_bot_token=BOT_TOKEN, slack_app_token=APP_TOKEN)))) == 2


# -- Discord -----------------------------------------------------------------------------------------------------------


async def test_discord_invitation_comes_with_the_token(discord: Platform) -> None:
    """The client id is the application's, and not always what the token seems to say."""
    discord.answers["/oauth2/applications/@me"]["id"] = "77"
    guidance = await ask("discord", discord.settings(discord_token=DISCORD))
    asked = parse_qs(urlsplit(guidance.paste).query)
    assert asked["client_id"] == ["77"]
    assert asked["scope"] == ["bot applications.commands"]
    import discord as library

    allowed = {name for name, value in library.Permissions(int(asked["permissions"][0])) if value}
    assert allowed == {
        "attach_files",
        "embed_links",
        "read_message_history",
        "read_messages",  # discord.py's name of View Channels
        "send_messages",
        "send_messages_in_threads",
    }
    assert problems(guidance) == []
    assert discord.asked[0].headers["Authorization"] == f"Bot {DISCORD}"
    without = await ask("discord", discord.settings())
    assert (without.paste, {finding.state for finding in without.findings}) == ("", {"note"})
    assert "again: it checks the token, and prints the invitation" in without.steps


@pytest.mark.parametrize(
    ("application", "part"),
    [
        ({"flags": 0}, "Message Content intent is off"),
        ({"interactions_endpoint_url": "https://elsewhere.example"}, "Interactions Endpoint URL is set"),
        ({"bot_require_code_grant": True}, "nobody can invite it"),
    ],
)
async def test_discord_settings_that_keep_the_bot_deaf_are_named(
    discord: Platform, application: dict[str, Any], part: str
) -> None:
    discord.answers["/oauth2/applications/@me"] |= application
    (text,) = problems(await ask("discord", discord.settings(discord_token=DISCORD)))
    assert part in text


async def test_discord_bot_in_no_server_is_told(discord: Platform) -> None:
    discord.answers["/users/@me/guilds"] = []
    guidance = await ask("discord", discord.settings(discord_token=DISCORD))
    assert any("in no server yet" in finding.text for finding in guidance.findings)
    assert problems(guidance) == []


async def test_discord_token_of_the_wrong_kind_is_sent_nowhere(discord: Platform) -> None:
    """The portal shows a client secret and a public key beside it."""
    (text,) = problems(await ask("discord", discord.settings(discord_token="a-client-secret")))
    assert "DISCORD_TOKEN is no bot token" in text
    assert discord.asked == []


# -- Telegram ----------------------------------------------------------------------------------------------------------


async def test_telegram_lines_are_what_botfather_takes(telegram: Platform) -> None:
    before = await ask("telegram", telegram.settings())
    assert before.paste.splitlines()[:3] == ["/newbot", "Calendar", "YOUR_calendar_bot"]
    guidance = await ask("telegram", telegram.settings(telegram_token=TELEGRAM))
    assert guidance.paste.splitlines() == [
        "/setjoingroups",
        "@ours_bot",
        "Enable",
        "/setprivacy",
        "@ours_bot",
        "Disable",
    ]
    assert {finding.state for finding in guidance.findings} == {"ok"}
    assert telegram.asked[0].path == f"/bot{TELEGRAM}/getMe"


async def test_telegram_privacy_mode_is_worth_a_note(telegram: Platform) -> None:
    telegram.answers["getMe"]["result"]["can_read_all_group_messages"] = False
    guidance = await ask("telegram", telegram.settings(telegram_token=TELEGRAM))
    assert any(finding.state == "note" and "privacy mode is on" in finding.text for finding in guidance.findings)
    telegram.answers["getMe"]["result"]["can_join_groups"] = False
    guidance = await ask("telegram", telegram.settings(telegram_token=TELEGRAM))
    assert any("cannot be added to groups" in finding.text for finding in guidance.findings)


async def test_telegram_webhook_of_somebody_else_is_a_problem(telegram: Platform) -> None:
    """Polling fails with it, and so does the other program once it is taken away."""
    hook = telegram.answers["getWebhookInfo"]["result"]
    hook["url"] = "https://other.example/secret-path"
    (text,) = problems(await ask("telegram", telegram.settings(telegram_token=TELEGRAM)))
    assert "other.example" in text
    assert "secret-path" not in text
    ours = telegram.settings(telegram_token=TELEGRAM, telegram_webhook_url="https://bot.example/hook")
    assert problems(await ask("telegram", ours)) == []
    hook |= {"url": "https://bot.example/hook", "last_error_message": "Connection refused", "pending_update_count": 3}
    (text,) = problems(await ask("telegram", ours))
    assert "'Connection refused'; 3 updates are waiting" in text


@pytest.mark.parametrize("url", ["http://bot.example", "https://bot.example:9000", "https://bot.example:x", "bot"])
async def test_telegram_webhook_that_telegram_does_not_take_is_named(telegram: Platform, url: str) -> None:
    (text,) = problems(await ask("telegram", telegram.settings(telegram_webhook_url=url)))
    assert "TELEGRAM_WEBHOOK_URL" in text


async def test_telegram_token_of_the_wrong_shape_is_sent_nowhere(telegram: Platform) -> None:
    (text,) = problems(await ask("telegram", telegram.settings(telegram_token="ours_bot")))
    assert "TELEGRAM_TOKEN is no bot token" in text
    assert telegram.asked == []


# -- every platform ----------------------------------------------------------------------------------------------------

EVERY = pytest.mark.parametrize("name", ["discord", "slack", "telegram"])


def tokens(name: str) -> dict[str, str]:
    return {field: token for field, token in TOKENS.items() if field.startswith(name)} | (
        {"slack_signing_secret": SIGNING} if name == "slack" else {}
    )


def shows_no_token(guidance: Guidance) -> None:
    for token in (*TOKENS.values(), APP_TOKEN, SIGNING):
        assert token not in repr(guidance)


@EVERY
async def test_wrong_token_is_named_with_where_to_get_a_new_one(platform: Platform, name: str) -> None:
    said = {"ok": False, "error": "invalid_auth", "error_code": 401, "description": "Unauthorized", "message": "401"}
    refused = web.json_response(said, status=200 if name == "slack" else 401)
    platform.answers = dict.fromkeys(("auth.test", "@me", "getMe"), refused)
    guidance = await ask(name, platform.settings(**tokens(name)))
    (problem,) = [finding for finding in guidance.findings if finding.state == "problem"]
    assert re.search(rf"refuses {name.upper()}_(BOT_)?TOKEN", problem.text)
    assert re.search("BotFather|discord.com/developers|api.slack.com/apps", problem.remedy)
    shows_no_token(guidance)


@EVERY
@pytest.mark.parametrize(
    "body",
    [
        b"<html>A proxy's login page</html>",
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"ok": true}',
        b'{"ok": true, "result": {}}',
        b'{"ok": true, "result": null}',
        b'{"id": 5, "username": []}',
        b"\xff\xfe",
        b"[" * 100_000,
        b"x" * 3_000_000,
    ],
    ids=lambda body: str(body[:30]),
)
@pytest.mark.parametrize("status", [200, 302, 403, 429, 500])
async def test_answer_of_something_else_is_a_problem_and_no_traceback(
    platform: Platform, name: str, body: bytes, status: int
) -> None:
    """Captive portals, proxies and mistyped addresses answer too."""
    answer = web.Response(status=status, body=body, headers={"Location": "/elsewhere"})
    platform.answers = dict.fromkeys(("auth.test", "apps.connections.open", "@me", "guilds", "getMe"), answer)
    guidance = await ask(name, platform.settings(**tokens(name)))
    (text,) = problems(guidance)
    assert not any("elsewhere" in request.path for request in platform.asked), "a token must not follow a redirect"
    assert name.title() in text
    shows_no_token(guidance)


@EVERY
@pytest.mark.parametrize(
    "address", ["closed", "http://", "http://[", "nonsense", "http://nowhere.invalid/", "ftp://a/"]
)
async def test_platform_that_cannot_be_reached_is_said(name: str, address: str) -> None:
    with socket.socket() as unused:  # bound, and nobody listens
        unused.bind(("127.0.0.1", 0))
        if address == "closed":
            address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        given = {f"{name}_api_url": address, **tokens(name)}
        guidance = await ask(name, Settings.load(env_file=None, **given))
    (problem,) = [finding for finding in guidance.findings if finding.state == "problem"]
    assert f"{name.title()} cannot be reached" in problem.text
    assert f"{name.upper()}_API_URL" in problem.remedy
    shows_no_token(guidance)


@EVERY
async def test_platform_that_does_not_answer_is_given_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A firewall that drops packets would otherwise hold the terminal for minutes."""
    monkeypatch.setattr(platform_api, "TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        given = {f"{name}_api_url": f"http://127.0.0.1:{silent.getsockname()[1]}", **tokens(name)}
        (text,) = problems(await ask(name, Settings.load(env_file=None, **given)))
    assert "does not answer within" in text


@pytest.mark.parametrize(
    ("access", "part"),
    [
        ("pairing", "llmagent-os people approve CODE"),
        ("closed", "only the people in"),
        ("everyone", "everyone who can"),
    ],
)
async def test_steps_end_with_who_is_answered(access: str, part: str) -> None:
    """Somebody who is never answered thinks that the bot is broken."""
    settings = Settings.load(env_file=None, access=access)
    guidance = await guide(settings, Bot.load("calendar"), "telegram")
    last = guidance.steps.partition("Who is answered")[2]
    assert part in last
    assert "LLMAGENT_OS_ALLOW" in last


async def test_commands_are_the_agents_and_its_plugins() -> None:
    """A command that Slack was not told of cannot be typed there."""
    guidance = await guide(Settings.load(env_file=None, admins="slack:T1:U1"), Bot.load("calendar"), "slack")
    names = {each["command"] for each in json.loads(guidance.paste)["features"]["slash_commands"]}
    assert names >= {"/help", "/profile", "/forget", "/export", "/approve"}


async def test_unknown_platform_names_the_known_ones() -> None:
    assert set(known_guides()) >= {"discord", "slack", "telegram"}
    with pytest.raises(ConfigError, match=r"did you mean 'discord'.*discord, slack, telegram"):
        find_guide("discrod")
    with pytest.raises(ConfigError, match="--http cannot be 'http://bot'"):
        await guide(Settings.load(env_file=None), Bot.load("calendar"), "slack", "http://bot")


# -- the command -------------------------------------------------------------------------------------------------------


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["setup", *arguments])


def test_command_shows_steps_and_what_to_paste() -> None:
    done = run("slack")
    assert done.exit_code == 0, done.output
    assert "# Calendar on Slack" in done.output
    assert '"socket_mode_enabled": true' in done.output
    assert "SLACK_BOT_TOKEN is not set yet" in done.output
    assert "No problem found." in done.output


def test_command_writes_what_to_paste(tmp_path: Path) -> None:
    done = run("slack", "--write", "manifest.json", "--http", "https://bot.example.com")
    assert done.exit_code == 0, done.output
    assert "The text to paste is in manifest.json." in done.output
    made = json.loads((tmp_path / "manifest.json").read_text())
    assert made["settings"]["interactivity"]["request_url"] == "https://bot.example.com/slack/events"
    assert '"interactivity"' not in unquote(done.output).partition("To paste")[2]
    missing = run("slack", "--write", "no/where/manifest.json")
    assert (missing.exit_code, "cannot be written" in missing.output) == (2, True)


def test_command_with_a_wrong_token_exits_1_and_hides_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", "a-secret-of-mine")
    done = run("telegram")
    assert (done.exit_code, "a-secret-of-mine" in done.output) == (1, False)
    assert "1 problem found." in done.output
    nothing = run("discord", "--write", "invitation.txt")
    assert (nothing.exit_code, (tmp_path / "invitation.txt").exists()) == (1, False)
    assert "invitation.txt was not written" in nothing.output
    assert run("pigeon").exit_code == 2


def test_command_reads_env_file_and_asks_the_platform(tmp_path: Path) -> None:
    """As a process, so that nothing of pytest helps."""
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        (tmp_path / ".env").write_text(f"DISCORD_TOKEN={DISCORD}\nDISCORD_API_URL=http://127.0.0.1:{port}\n")
        done = subprocess.run(
            [Path(sys.executable).with_name("llmagent-os"), "setup", "discord"],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        server.kill()
        server.communicate()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Discord refuses DISCORD_TOKEN" in done.stdout
    assert DISCORD not in done.stdout + done.stderr


SERVER = """
from http.server import BaseHTTPRequestHandler, HTTPServer

class Refuses(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401)
        self.end_headers()
        self.wfile.write(b'{"message": "401: Unauthorized", "code": 0}')

server = HTTPServer(("127.0.0.1", 0), Refuses)
print(server.server_port, flush=True)
server.serve_forever()
"""


async def test_doctor_names_the_variable_of_an_adapter_that_is_left_out(tmp_path: Path) -> None:
    """A bot that can live anywhere is not broken where it has no token for one platform."""
    (tmp_path / "bot.toml").write_text('name = "parrot"\nmodel = "openai:x"\nadapters = ["web", "telegram"]\n')
    settings = Settings.load(env_file=None, data=tmp_path / "data", web_port=0)
    found = [each for each in await examine(lambda: settings, "bot.toml") if each.section == "adapters"]
    assert [each.state for each in found] == ["ok", "ok", "note"], found
    assert "TELEGRAM_TOKEN" in found[-1].text
    assert "llmagent-os setup telegram" in found[-1].text
    (tmp_path / "bot.toml").write_text('name = "parrot"\nmodel = "openai:x"\nadapters = ["telegram"]\n')
    found = [each for each in await examine(lambda: settings, "bot.toml") if each.section == "adapters"]
    assert [each.state for each in found] == ["note", "problem"]
