"""The security audit. What breaks without this: a door stands open, and whoever runs the bot believes it shut."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from llmagent_os.adapter_kit.person_secrets import SECRETS_FOLDER, PersonSecrets
from llmagent_os.admin.findings import Finding
from llmagent_os.admin.leak_check import check_files, check_logs
from llmagent_os.admin.open_doors import check_doors
from llmagent_os.admin.security_audit import STALE, check_admins, examine
from llmagent_os.admin.waiting_check import check_credentials, check_waiting
from llmagent_os.bot import Bot
from llmagent_os.cli import main
from llmagent_os.config import Settings
from llmagent_os.events import Conversation, Message, Sender, now
from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.audit_log import AuditEntry

BOT = 'name = "b"\nmodel = "calendar"\nadapters = ["web", "slack", "discord"]\n'


def problems(findings: list[Finding]) -> list[str]:
    assert all(each.remedy for each in findings if each.state == "problem"), "a problem without a remedy helps nobody"
    return [each.text for each in findings if each.state == "problem"]


def made(folder: Path, **given: object) -> Settings:
    data = folder / "data"
    data.mkdir(mode=0o700, exist_ok=True)
    return Settings.load(env_file=None, data=data, **given)


def test_what_others_may_read_or_change_is_named(tmp_path: Path) -> None:
    settings = made(tmp_path)
    code, env = tmp_path / "bot", tmp_path / ".env"
    code.mkdir(mode=0o755)
    env.touch(mode=0o600)
    assert problems(list(check_files(settings, env, [code]))) == []
    (settings.data / "open.txt").touch()
    (settings.data / "open.txt").chmod(0o644)
    env.chmod(0o640)
    (code / "agent.py").touch()
    (code / "agent.py").chmod(0o666)
    key = settings.data / "master.key"
    key.touch(mode=0o600)
    settings = settings.model_copy(update={"encryption_key_file": key})
    found = problems(list(check_files(settings, env, [code])))
    assert [text.split(str(tmp_path))[0] for text in found] == [
        "other users of this machine may open ",
        "",
        "the key ",
        "other users of this machine may change what the bot runs: ",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"web_host": "0.0.0.0"}, "open to the network"),
        ({"web_host": "0.0.0.0", "web_token": "t" * 30}, "without encryption"),
        ({"web_token": "short-password-1"}, "16 characters, which can be guessed"),
        ({"web_origins": "https://bot.example.org"}, "the web chat has no password"),
        ({"access": "everyone"}, "whoever finds the bot uses your model"),
        ({"admins": "slack:T1:*"}, "everybody whom it fits is one of the admins"),
        ({"allow": "slack:*:*"}, "everybody whom it fits is answered"),
        ({"base_url": "http://gpu.example.org/v1"}, "go over the network in plain"),
        ({"private_addresses": True}, "addresses of your own network"),
        ({"slack_signing_secret": "0" * 32, "slack_http_host": "0.0.0.0"}, "SLACK_HTTP_HOST is 0.0.0.0"),
        ({"public_url": "https://b.example.org", "pages_host": "::"}, "LLMAGENT_OS_PAGES_HOST is ::"),
    ],
)
def test_each_open_door_is_named_alone(tmp_path: Path, given: dict[str, object], words: str) -> None:
    (found,) = problems(list(check_doors(made(tmp_path, **given))))
    assert words in found


def test_an_installation_as_it_comes_has_no_open_door(tmp_path: Path) -> None:
    assert problems(list(check_doors(made(tmp_path, allow="slack:T1:*", base_url="http://127.0.0.1:8000/v1")))) == []


def test_tokens_in_logs_are_found_and_not_shown(tmp_path: Path) -> None:
    settings = made(tmp_path, web_token="correct horse battery")
    log = tmp_path / "bot.log"
    log.write_text("started\nGET /?token=correct horse battery\nbot xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOp\n")
    jobs = settings.data / "jobs"
    jobs.mkdir()
    (jobs / "training.log").write_text("loss 0.5\n")
    found = list(check_logs(settings, [log, tmp_path / "none.log"]))
    assert problems(found) == [
        f"{log} holds 2 lines with a token or a password (line 2, 3)",
        f"{tmp_path / 'none.log'} cannot be read: No such file or directory",
    ]
    assert "horse" not in str(found)
    assert any("no token in" in each.text and "training.log" in each.text for each in found)


async def test_admins_who_are_away_or_never_came_are_named(tmp_path: Path) -> None:
    settings = made(tmp_path, owners="slack:T1:old", admins="slack:T1:here@slack:T1, slack:T1:typo, slack:T1:*")
    assert problems(await check_admins(settings)) == [], "there is no ledger yet"
    ledger = await Ledger.open(settings.ledger_url)
    for actor, at in (("slack:T1:old", now() - STALE - timedelta(days=1)), ("slack:T1:here", now())):
        await ledger.audit.add(AuditEntry(at=at, actor=actor, role="admin", action="let in"))
    await ledger.close()
    assert problems(await check_admins(settings)) == [
        "slack:T1:old was last seen 91 days ago",
        "slack:T1:typo has never written to the bot: the id may be mistyped",
    ]


async def test_credentials_without_a_key_and_messages_that_wait_too_long_are_named(tmp_path: Path) -> None:
    settings = made(tmp_path)
    assert [*check_credentials(settings), *check_waiting(settings)] == []
    ana = Message(
        event_id="1",
        conversation=Conversation(platform="slack", channel="D1"),
        sender=Sender("U1"),
        text="hi",
        message_id="1",
    )
    secrets = PersonSecrets(settings.data / SECRETS_FOLDER, PersonId("slack::U1"))
    await secrets.put("mail", "hunter2")
    ledger = await Ledger.open(settings.ledger_url)
    await ledger.silences.begin(ana, "asked", now() + timedelta(hours=1))
    assert [each.state for each in check_waiting(settings)] == ["ok"]
    await ledger.held.hold(ana, now() - timedelta(hours=5), 9)
    await ledger.close()
    (waiting,) = check_waiting(settings)
    assert waiting.text.startswith("1 messages are answered later, and the bot is silent in 1 places; the first")
    assert "5 hours ago" in waiting.text
    (given,) = check_credentials(settings)
    assert (given.state, "hunter2" in str(given)) == ("note", False)
    (settings.data / "keys").mkdir()
    (settings.data / "keys" / "x.key").write_bytes(b"x")
    assert [each.state for each in check_credentials(settings)] == ["ok"]


async def test_permissions_that_a_platform_gives_and_the_bot_does_not_need_are_named(tmp_path: Path) -> None:
    from llmagent_os.adapters.discord.setup_guide import PERMISSIONS
    from llmagent_os.adapters.slack.setup_guide import SCOPES

    answers = {
        "auth.test": {"ok": True, "user": "b", "team": "T"},
        "users/@me": {"id": "1", "username": "b"},
        "oauth2/applications/@me": {"id": "1", "flags": 1 << 18 | 1 << 14},
        "users/@me/guilds": [{"id": "2", "name": "Home", "permissions": str(sum(PERMISSIONS.values()) | 1 << 28)}],
    }

    async def handle(request: web.Request) -> web.Response:
        body = answers[request.match_info["path"]]
        return web.json_response(body, headers={"x-oauth-scopes": ",".join([*SCOPES, "admin.users:write"])})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    (tmp_path / "bot.toml").write_text(BOT)
    async with TestServer(app) as server:
        settings = made(
            tmp_path,
            slack_bot_token="xoxb-1-2-" + "s" * 20,
            slack_signing_secret="0" * 32,
            discord_token="MTIz.abc.secretsecretsecret",
            slack_api_url=str(server.make_url("/")),
            discord_api_url=str(server.make_url("/")),
        )
        found = await examine(settings, Bot.load(tmp_path), None, [])
    assert [text for text in problems(found) if "not need" in text] == [
        "the token has the scope admin.users:write, which the bot does not need",
        "in the server 'Home' the bot may do what it does not need: Manage Roles",
        "the Server Members intent is on, which the bot does not need",
    ]


def test_the_command_ends_with_1_where_something_could_be_safer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bot.toml").write_text('name = "b"\nmodel = "calendar"\n')
    data = made(tmp_path).data
    fine = CliRunner().invoke(main, ["security", "audit", "."], env={"LLMAGENT_OS_DATA": str(data)})
    assert (fine.exit_code, fine.output.splitlines()[-1]) == (0, "Nothing that could be safer was found."), fine.output
    data.chmod(0o755)
    wrong = CliRunner().invoke(main, ["security", "audit", "."], env={"LLMAGENT_OS_DATA": str(data)})
    assert wrong.exit_code == 1
    assert f"→ chmod -R go= {data}" in wrong.output
