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
from llmagent_os.languages import gettext, lazy_gettext, list_text, ngettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.plugin import ToolContext
from llmagent_os.privacy.archive import ARCHIVE_NAME, MAX_CHAT_BYTES, make_archive
from llmagent_os.privacy.stores import DataSubject
from llmagent_os.reply.exchange import open_exchange
from llmagent_os.reply.plugin_calls import reply_of, tool_context
from llmagent_os.reply.plugin_exports import exported_files
from llmagent_os.reply.services import Services
from llmagent_os.tools.registry import Plugins

_log = structlog.stdlib.get_logger(__name__)

_FAILED = lazy_gettext(
    "Sorry, I could not read everything that I keep about you just now. Please try again in a moment."
)


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
        return Reply(str(_FAILED))
    files = OutgoingFiles(services.outgoing, person_kept_under(exchange.identity))
    paths = [await files.write(name, content) for name, content in {ARCHIVE_NAME: archive.content, **beside}.items()]
    return Reply(_said([*beside], len(archive.left_out)), files=tuple(paths))


def _said(beside: list[str], left_out: int) -> str:
    """What the person is sent.

    Args:
        beside: the names of the files for other programs.
        left_out: how many files were too large.
    """
    said = [
        gettext(
            "This is everything that I keep about you. In {archive}, README.txt says what each file is.",
            archive=ARCHIVE_NAME,
        )
    ]
    if beside:
        said.append(
            ngettext(
                "{files} is beside it, for other programs.",
                "{files} are beside it, for other programs.",
                len(beside),
                files=list_text(beside),
            )
        )
    if left_out:
        said.append(
            ngettext(
                "One file is too large to send here. Those who run me can give you an archive with all of them.",
                "{count} files are too large to send here. Those who run me can give you an archive with all of them.",
                left_out,
            )
        )
    return join_sentences(said)


async def _of_plugin(plugins: Plugins | None, context: ToolContext, name: str) -> Reply:
    known = () if plugins is None else plugins.exporting
    if plugins is None or name not in known:
        unknown = gettext("I don't know `/export {name}`. `/export` gives you everything.", name=name)
        return Reply(
            join_sentences([unknown, *(gettext("`/export {name}` gives you only that.", name=each) for each in known)])
        )
    try:
        result = await plugins.export_files(name, context)
    except PluginError as error:
        _log.warning("an export failed", plugin=name, error=str(error))
        return Reply(str(_FAILED))
    if result is None:
        return Reply(gettext("There is no {name} of yours to export.", name=name))
    return reply_of(result)
