"""``/export``: everything that is kept about a person: one archive, and beside it what plugins give for other programs.

``/export calendar`` gives one plugin's file.
"""

from __future__ import annotations

import structlog

from llmagent_os.adapter import Reply
from llmagent_os.adapter_kit.outgoing_files import OutgoingFiles
from llmagent_os.commands.erasable_stores import stores_of
from llmagent_os.errors import LLMAgentOSError, PluginError
from llmagent_os.events import Command
from llmagent_os.identity import identity_of, person_kept_under
from llmagent_os.markup.word_list import join_words
from llmagent_os.plugin import ToolContext
from llmagent_os.privacy.archive import ARCHIVE_NAME, MAX_CHAT_BYTES, make_archive
from llmagent_os.privacy.stores import DataSubject
from llmagent_os.reply.exchange import open_exchange
from llmagent_os.reply.plugin_calls import reply_of, tool_context
from llmagent_os.reply.plugin_exports import exported_files
from llmagent_os.reply.services import Services
from llmagent_os.tools.registry import Plugins

_log = structlog.stdlib.get_logger(__name__)

_FAILED = Reply("Sorry, I could not read everything that I keep about you just now. Please try again in a moment.")


async def export(services: Services, command: Command) -> Reply:
    """Answer ``/export`` and ``/export PLUGIN``. In a group, the files go to the person alone."""
    exchange = await open_exchange(services, command, intent="command", turns=0)
    context = tool_context(services, exchange, exchange.key)
    plugins = services.plugins
    if what := command.arguments.strip().lower():
        return await _of_plugin(plugins, context, what)
    subject = DataSubject.of(await services.directory.identities_of(identity_of(command)))
    given = {} if plugins is None else await exported_files(plugins, context)
    beside = {name: content for name, content in given.items() if "/" not in name}
    room = MAX_CHAT_BYTES - sum(map(len, beside.values()))  # all of them are sent as one reply
    try:
        archive = await make_archive(stores_of(services), subject, given, context.now, room)
    except LLMAgentOSError as error:
        _log.error("an export failed", error=str(error))
        return _FAILED
    files = OutgoingFiles(services.outgoing, person_kept_under(exchange.identity))
    paths = [await files.write(name, content) for name, content in {ARCHIVE_NAME: archive.content, **beside}.items()]
    text = f"This is everything that I keep about you. In {ARCHIVE_NAME}, README.txt says what each file is."
    if beside:
        text += f" {join_words([*beside])} {'is' if len(beside) == 1 else 'are'} beside it, for other programs."
    if archive.left_out:
        count = len(archive.left_out)
        text += (
            f" {'One file is' if count == 1 else f'{count} files are'} too large to send here. Those who run me can "
            "give you an archive with all of them."
        )
    return Reply(text, files=tuple(paths))


async def _of_plugin(plugins: Plugins | None, context: ToolContext, name: str) -> Reply:
    known = () if plugins is None else plugins.exporting
    if plugins is None or name not in known:
        ways = [f"`/export {each}` gives you only that." for each in known]
        return Reply(" ".join([f"I don't know `/export {name}`. `/export` gives you everything.", *ways]))
    try:
        result = await plugins.export_files(name, context)
    except PluginError as error:
        _log.warning("an export failed", plugin=name, error=str(error))
        return _FAILED
    return Reply(f"There is no {name} of yours to export.") if result is None else reply_of(result)
