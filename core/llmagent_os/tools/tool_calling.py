"""Runs one call of a plugin: the time limit, the circuit breaker, the check of the result, and calls that hang.

A call that keeps the event loop holds everybody up, and no time limit can end it. When the call returns, what it did is
done, so the person gets its result: "that did not work" would have them ask for it again. The circuit breaker counts
the call as a failure, so a plugin that goes on like that is cut off.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import Any

import structlog

from llmagent_os.adapter_kit.containment import contain, contained, is_cancelled
from llmagent_os.chat import ToolSpec
from llmagent_os.contacts import Contacts
from llmagent_os.credentials.credential import CredentialError, GivenCredential
from llmagent_os.credentials.vault import Vault
from llmagent_os.errors import ContainedError, PluginError, ToolArgumentError
from llmagent_os.events import Event
from llmagent_os.identity import Identity, first_identity_of, identity_of
from llmagent_os.plugin import ToolContext, ToolResult, ToolSource
from llmagent_os.records import Records, SharedRecords
from llmagent_os.timers import Timers
from llmagent_os.tools.chart_pictures import with_chart_drawn
from llmagent_os.tools.credential_use import lack_notice, scrubbed_result, scrubbed_text
from llmagent_os.tools.kept_records import KeepingLimits, kept_records, kept_shared, kept_timers
from llmagent_os.tools.loaded_plugin import LoadedPlugin
from llmagent_os.tools.plugin_logging import lines_of
from llmagent_os.tools.plugin_privacy import kept_private
from llmagent_os.tools.plugin_secrets import PluginSecrets
from llmagent_os.tools.result_check import checked
from llmagent_os.tools.step_timer import StepTimer

CALL_SECONDS = 10.0  #: for a button, a command or a timer; a tool has a time limit of its own
#: A call that keeps the event loop for longer is logged.
BLOCKED_SECONDS = 1.0
#: A call that keeps the event loop for longer is a failure, also where its time limit is longer.
MOST_BLOCKED_SECONDS = 5.0
ERROR_CHARACTERS = 500  #: of an error, kept as the plugin's last one

#: Errors whose text says everything.
_SAYS_ALL = (PluginError, TimeoutError, ContainedError)

_CONTEXT_FIELDS = tuple(field.name for field in dataclasses.fields(ToolContext))
_context_values = attrgetter(*_CONTEXT_FIELDS)

_log = structlog.get_logger(__name__)


def is_permitted(spec: ToolSpec, *granted: Collection[str] | None) -> bool:
    """Return whether every one of ``granted`` gives the tool's permission.

    Args:
        spec: the tool.
        granted: permissions with wildcards, such as ``calendar.*``. None gives every permission.
    """
    return is_given(spec.permission, *granted)


def is_given(permission: str, *granted: Collection[str] | None) -> bool:
    """Return whether every one of ``granted`` gives ``permission``. The empty permission is always given."""
    return not permission or all(
        patterns is None or any(fnmatchcase(permission, pattern) for pattern in patterns) for patterns in granted
    )


class ToolCaller:
    """Calls plugins, and keeps a plugin that fails or hangs away from everything else.

    Args:
        records: gives a plugin its documents about an identity: ``ledger.records``. None: the context's own are used.
        timers: gives a plugin its timers for the sender of an event: ``ledger.timers``. None: as for ``records``.
        contacts: gives a plugin its contacts of the sender of an event: ``ledger.contacts``. None: as for ``records``.
        grace: seconds to wait for a cancelled call before it counts as hung.
        clock: seconds that only ever increase, for how long a call keeps the event loop.
        vault: keeps people's credentials. None: the context's own are used.
        shared: gives a plugin what all people keep with it: ``ledger.shared_records``. None: as for ``records``.
        limits: how much a plugin may keep for one person; None: the usual.
    """

    def __init__(
        self,
        records: Callable[[str, Identity], Records] | None,
        timers: Callable[[str, Event], Timers] | None,
        contacts: Callable[[str, Event, int], Contacts] | None,
        grace: float,
        clock: Callable[[], float] = time.monotonic,
        vault: Vault | None = None,
        shared: Callable[[str], SharedRecords] | None = None,
        limits: KeepingLimits | None = None,
    ) -> None:
        self._limits = limits or KeepingLimits()
        self._records = records
        self._timers = timers
        self._contacts = contacts
        self._grace = grace
        self._clock = clock
        self._vault = vault
        self._shared = shared

    async def call(
        self,
        loaded: LoadedPlugin,
        what: str,
        method: Callable[[ToolContext], Awaitable[ToolResult]],
        context: ToolContext,
        *,
        seconds: float = CALL_SECONDS,
        may_change_profile: bool = False,
        credentials: Sequence[str] | None = (),
        wanted: bool = True,
    ) -> ToolResult:
        """Run ``method`` with the plugin's own records and timers, and return its checked result.

        Args:
            loaded: the plugin.
            what: names the call in errors, such as ``a button`` or the tool's name.
            method: takes the context.
            context: of the person who caused the call.
            seconds: after which the call is cancelled.
            may_change_profile: whether the result may hold ``profile_changes``.
            credentials: the names of those that the call needs, and may use. None: it may use all that the person gave.
            wanted: somebody asked for it. False: the plugin is asked about every message. That such a call goes well
                does not make up for calls that failed, or a plugin that fails whenever it is used is never cut off.

        Raises:
            PluginError: the plugin is cut off, or the call failed.
        """
        name, breaker = loaded.plugin.name, loaded.breaker
        if not breaker.allow():
            raise _cut_off(loaded)
        loaded.call_started()
        given: dict[str, GivenCredential] = {}
        used: tuple[GivenCredential, ...] = ()
        try:
            own = self.own(loaded.plugin, context, asks_others=loaded.plugin.asks_others)
            if self._shared is not None and loaded.plugin.shares_records:
                own = dataclasses.replace(own, shared=kept_shared(self._shared(name), loaded.plugin))
            own = await self._with_credentials(loaded, own, credentials)
            given = dict(own.credentials)
            used = tuple(given.values())
            timer = StepTimer(_called(name, method, own), clock=self._clock)
            returned = await self._bounded(loaded, what, timer, seconds)
            result = checked(returned, plugin=name, may_change_profile=may_change_profile)
            result = kept_private(loaded.plugin, scrubbed_result(result, used))
        except CredentialError as error:
            breaker.succeeded()  # the plugin works; the person has to sign in
            error.why = scrubbed_text(error.why, used)
            return await self._lacking(loaded, context, error, given.get(error.name))
        except ToolArgumentError:
            breaker.succeeded()  # the plugin works; the call was wrong
            raise
        except BaseException as raised:
            raise self._failed(loaded, what, raised, used) from (None if used else raised)
        finally:
            loaded.call_ended()
        _note_blocking(loaded, what, timer.longest, seconds, wanted)
        return await with_chart_drawn(result, own)

    def _failed(
        self, loaded: LoadedPlugin, what: str, raised: BaseException, used: Collection[GivenCredential]
    ) -> PluginError:
        """Count and log the failure of a call. No credential is in what is logged and raised."""
        name, breaker = loaded.plugin.name, loaded.breaker
        if is_cancelled():
            breaker.abandoned()
        error = contain(raised)
        said = str(error) if isinstance(error, _SAYS_ALL) else f"{type(error).__name__}: {error}"
        why = scrubbed_text(said, used)
        breaker.failed(f"{what}: {why}"[:ERROR_CHARACTERS])
        _log.warning(
            "plugin failed",
            plugin=name,
            what=what,
            why=why,
            failures=breaker.failures,
            state=breaker.state,
            exc_info=None if used else error,  # a traceback may show a credential
        )
        return PluginError(f"the plugin {name!r} failed: {what}: {why}")

    async def _with_credentials(
        self, loaded: LoadedPlugin, context: ToolContext, needed: Sequence[str] | None
    ) -> ToolContext:
        declared = [each for each in loaded.plugin.credentials if needed is None or each.name in needed]
        if self._vault is None or not declared:
            return context
        identity = _acting(context)
        found = await self._vault.usable_of(loaded.plugin.name, declared, identity, needed=needed or ())
        return dataclasses.replace(context, credentials=found)

    async def _lacking(
        self, loaded: LoadedPlugin, context: ToolContext, error: CredentialError, used: GivenCredential | None
    ) -> ToolResult:
        """What the person reads where a credential is missing or refused. A refused one is not tried again."""
        plugin = loaded.plugin
        credential = next((each for each in plugin.credentials if each.name == error.name), None)
        if credential is None:
            raise PluginError(
                f"the plugin {plugin.name!r} asks for {error.name!r}, which it does not declare"
            ) from None
        if self._vault is not None and used is not None and error.lack == "refused":
            await self._vault.refused(plugin.name, error.name, _acting(context), used.secret)
        return lack_notice(plugin.name, credential, error)

    def own(self, plugin: ToolSource, context: ToolContext, *, asks_others: bool = False) -> ToolContext:
        """The context with the secrets, records, timers and contacts of this plugin and no other."""
        name = plugin.name
        own: dict[str, Any] = {"secrets": PluginSecrets(context.secrets, name)}
        if self._records is not None:
            # Documents are kept under the account that acts; without an event, under the person's first account.
            own["records"] = kept_records(self._records(name, _acting(context)), plugin, self._limits)
        if self._timers is not None and context.event is not None:
            own["timers"] = kept_timers(self._timers(name, context.event), plugin, self._limits)
        if self._contacts is not None and context.event is not None and asks_others:
            own["contacts"] = self._contacts(name, context.event, plugin.records_version)
        return _with(context, own)

    async def _bounded(
        self, loaded: LoadedPlugin, what: str, work: Awaitable[ToolResult], seconds: float
    ) -> ToolResult:
        """Wait for ``work``. After ``seconds``, cancel it; give it up if it ignores that."""
        # The watchdog of the event loop says the task's name where the call blocks.
        task = asyncio.create_task(contained(work), name=f"plugin {loaded.plugin.name}: {what}")
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            await self._cancel(loaded, task)
            raise
        if not done:
            await self._cancel(loaded, task)
            raise TimeoutError(f"took longer than {seconds:g} s")
        if task.cancelled():
            raise PluginError("cancelled itself")
        return task.result()

    async def _cancel(self, loaded: LoadedPlugin, task: asyncio.Task[Any]) -> None:
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=self._grace)
        if done:
            _ = task.cancelled() or task.exception()  # asyncio complains about an exception that nobody looked at
        else:
            loaded.hung.add(task)
            task.add_done_callback(loaded.hung.discard)
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            _log.error("plugin ignores cancellation", plugin=loaded.plugin.name)


def _note_blocking(loaded: LoadedPlugin, what: str, longest: float, seconds: float, wanted: bool) -> None:
    """Count a call that kept the event loop for too long as a failure, and any other as a success."""
    breaker = loaded.breaker
    limit = max(BLOCKED_SECONDS, min(seconds, MOST_BLOCKED_SECONDS))
    if longest > limit:
        breaker.failed(f"{what}: blocked the event loop for {longest:.1f} s; its limit is {limit:g} s")
    elif wanted or breaker.state != "closed":
        breaker.succeeded()
    else:
        breaker.abandoned()
    if longest > BLOCKED_SECONDS:
        _log.error(
            "a plugin blocked the event loop: everybody waited; have it await, or use asyncio.to_thread",
            plugin=loaded.plugin.name,
            what=what,
            seconds=round(longest, 1),
            failures=breaker.failures,
        )


def _with(context: ToolContext, changed: dict[str, Any]) -> ToolContext:
    """``dataclasses.replace``, which takes a quarter of the time of a whole call: it asks each field for its kind."""
    values = dict(zip(_CONTEXT_FIELDS, _context_values(context), strict=True))
    return ToolContext(**(values | changed))


def _cut_off(loaded: LoadedPlugin) -> PluginError:
    breaker = loaded.breaker
    return PluginError(
        f"the plugin {loaded.plugin.name!r} is cut off after {breaker.failures} failures in a row "
        f"({breaker.last_error}); it is tried again in {breaker.retry_in:.0f} s"
    )


def _acting(context: ToolContext) -> Identity:
    """The account that acts; without an event, the person's first one."""
    return first_identity_of(context.user_id) if context.event is None else identity_of(context.event)


async def _called(
    plugin: str, method: Callable[[ToolContext], Awaitable[ToolResult]], context: ToolContext
) -> ToolResult:
    """The result of ``method``, which may also raise before it gives anything to wait for."""
    with lines_of(plugin):
        return await method(context)
