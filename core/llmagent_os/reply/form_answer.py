"""Opens forms of plugins, and has the plugin answer what was filled in."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from msgspec.structs import replace

from llmagent_os.adapter import Button, Reply
from llmagent_os.errors import PluginError
from llmagent_os.events import Command, Event, event_key
from llmagent_os.forms.form import AGAIN, CORRECT, OPENS, FormErrors, FormField
from llmagent_os.forms.form_values import checked_values, written_default
from llmagent_os.handler import Outcome
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.languages.catalogues import read_all_catalogues
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.exchange import Exchange, decide, open_exchange
from llmagent_os.reply.form_choice import MeantForm, form_named
from llmagent_os.reply.interaction_record import fixed_outcome
from llmagent_os.reply.plugin_calls import (
    could_not,
    keep_profile_changes,
    private_reply,
    reply_of,
    tool_context,
    unkept_outcome,
)
from llmagent_os.reply.services import Services

_log = structlog.stdlib.get_logger(__name__)

#: The answer to a form that there is no more.
GONE = lazy_gettext("That form is no longer there.")


async def form_exchange(services: Services, event: Event) -> Exchange:
    """The exchange in which a plugin answers a form."""
    exchange = await open_exchange(services, event, intent="command", turns=0)
    return await decide(services, exchange, {})


async def page_form(services: Services, event: Event, meant: MeantForm) -> Outcome:
    """Show a form under a reply, with what is usual in its fields."""
    context = tool_context(services, await form_exchange(services, event), "")
    fields = tuple(replace(each, default=written_default(each, context.now)) for each in meant.form.fields)
    form = replace(meant.form, fields=fields)
    before = services.sent_forms.kept(identity_of(event), form.form_id) if meant.again else None
    form = form if before is None else form.filled(*before)
    reply = Reply(gettext("Fill this in and send it."), form=form)
    return await form_outcome(services, event, reply, is_private=meant.plugin.keeps_private)


async def answer_sent_form(services: Services, command: Command) -> Outcome:
    """Answer a form that was sent from a window or a page.

    What is wrong with it is shown in the window, where the platform still waits for that. Elsewhere it is said, and the
    form can be opened with what was filled in.
    """
    key = event_key(command)
    errors: Mapping[str, str] = {}
    try:
        allowed = services.settings.permissions
        found = None if services.plugins is None else form_named(services.plugins, command.form, allowed=allowed)
        if found is None:
            return Outcome(Reply(str(GONE)))
        meant = MeantForm(*found, found[1].shown(found[0].name))
        exchange = await form_exchange(services, command)
        result = await submit(services, exchange, meant, dict(command.values))
        if isinstance(result, ToolResult):
            return await result_outcome(services, exchange, result)
        errors = result.fields
        if services.sent_forms.settle(key, errors):
            return Outcome(None)
        return await _to_correct(services, command, meant, result)
    finally:
        if not errors:
            services.sent_forms.settle(key)


async def submit(
    services: Services, exchange: Exchange, meant: MeantForm, typed: Mapping[str, str]
) -> ToolResult | FormErrors:
    """Check what was filled in, and have the plugin answer it. A plugin that fails gives a result that says so."""
    if services.plugins is None:
        return ToolResult({"status": "stale"}, str(GONE))
    context = tool_context(services, exchange, exchange.key)
    await read_all_catalogues()
    values = checked_values(meant.form.fields, typed, context.now, context.time_zone)
    if isinstance(values, FormErrors):
        return values
    allowed = services.settings.permissions
    try:
        result = await services.plugins.submitted(
            meant.plugin.name, meant.declared.key, values, context, allowed=allowed
        )
    except PluginError as error:
        _log.warning("a form failed", form=meant.form.form_id, error=str(error))
        return could_not()
    return result if isinstance(result, FormErrors) else await keep_profile_changes(services, exchange, result)


async def result_outcome(services: Services, exchange: Exchange, result: ToolResult) -> Outcome:
    """The outcome of a plugin's answer to a form."""
    return await form_outcome(services, exchange.event, reply_of(result), is_private=result.is_secret)


async def form_outcome(services: Services, event: Event, reply: Reply, *, is_private: bool) -> Outcome:
    """The outcome of a reply about a form. Of a private plugin the ledger keeps nothing."""
    if is_private:
        return unkept_outcome(services, event, reply)
    if isinstance(event, Command):
        reply = private_reply(event, reply)
    return await fixed_outcome(services, event, reply, intent="command")


async def _to_correct(services: Services, command: Command, meant: MeantForm, wrong: FormErrors) -> Outcome:
    """Say what is wrong, with the form or with the button that opens it: both hold what was filled in."""
    values = dict(command.values)
    said = gettext("Please look at this again:")
    if services.form_ways.get(command.conversation.platform) == "page":
        reply = Reply(said, form=meant.form.filled(values, wrong.fields))
    else:
        services.sent_forms.keep(identity_of(command), meant.form.form_id, values, wrong.fields)
        lines = [f"- {field.label}: {wrong.fields[field.key]}" for field in meant.form.fields if _is_in(field, wrong)]
        value = f"{meant.plugin.name}:{OPENS}{meant.declared.key}{AGAIN}"
        reply = Reply("\n".join([said, "", *lines]), buttons=(Button(str(CORRECT), value, "primary"),))
    return await form_outcome(services, command, reply, is_private=meant.plugin.keeps_private)


def _is_in(field: FormField, wrong: FormErrors) -> bool:
    return field.key in wrong.fields
