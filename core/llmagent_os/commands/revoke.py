"""``/revoke``: an admin has the bot answer a person no longer."""

from __future__ import annotations

from llmagent_os.adapter import Reply
from llmagent_os.commands.approve import NOT_THEIRS
from llmagent_os.errors import ConfigError
from llmagent_os.events import Command
from llmagent_os.identity import Identity, identity_of, parse
from llmagent_os.languages import gettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.people.access import Access


async def revoke(access: Access, command: Command) -> Reply:
    """Answer an admin's ``/revoke IDENTITY``."""
    try:
        identity = parse(command.arguments.strip().strip("`"))
    except ConfigError as error:
        return Reply(gettext("{error}. Usage: `/revoke IDENTITY`, as `/approve` named it.", error=error))
    if not access.is_admin(identity_of(command), identity):
        return Reply(str(NOT_THEIRS))
    gone = await access.revoke(identity, identity_of(command))
    return Reply(await revoked_text(access, identity, gone))


async def revoked_text(access: Access, identity: Identity, gone: tuple[Identity, ...]) -> str:
    """What an admin reads after a revocation, here and on the command line.

    Args:
        access: says whether the person is answered all the same.
        identity: the account that was named.
        gone: the accounts that are no longer let in.
    """
    if gone:
        said = [gettext("No longer let in: {accounts}.", accounts=", ".join(f"`{account}`" for account in gone))]
    else:
        said = [gettext("`{identity}` had not been let in by a code or by name.", identity=identity)]
    if await access.admits_identity(identity):
        said.append(
            gettext("They are answered all the same: see LLMAGENT_OS_ACCESS, LLMAGENT_OS_ALLOW and LLMAGENT_OS_ADMINS.")
        )
    return join_sentences(said)
