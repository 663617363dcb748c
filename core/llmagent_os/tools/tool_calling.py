"""Runs one call of a plugin: the time limit, the circuit breaker, the check of the result, and calls that hang."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Collection
from fnmatch import fnmatchcase
from typing import Any

import structlog

from llmagent_os.chat import ToolSpec
from llmagent_os.errors import PluginError
from llmagent_os.events import Event
from llmagent_os.identity import Identity, first_identity_of, identity_of
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.records import Records
from llmagent_os.timers import Timers
from llmagent_os.tools.loaded_plugin import LoadedPlugin
from llmagent_os.tools.result_check import checked

CALL_SECONDS = 10.0  #: for a button, a command or a timer; a tool has a time limit of its own
ERROR_CHARACTERS = 500  #: of an error, kept as the plugin's last one

_log = structlog.get_logger(__name__)


def is_permitted(spec: ToolSpec, *granted: Collection[str] | None) -> bool:
    """Return whether every one of ``granted`` gives the tool's permission.

    Args:
        spec: the tool.
        granted: permissions with wildcards, such as ``calendar.*``. None gives every permission.
    """
    return not spec.permission or all(
        patterns is None or any(fnmatchcase(spec.permission, pattern) for pattern in patterns) for patterns in granted
    )


class ToolCaller:
    """Calls plugins, and keeps a plugin that fails or hangs away from everything else.

    Args:
        records: gives a plugin its documents about an identity: ``ledger.records``. None: the context's own are used.
        timers: gives a plugin its timers for the sender of an event: ``ledger.timers``. None: as for ``records``.
        grace: seconds to wait for a cancelled call before it counts as hung.
    """

    def __init__(
        self,
        records: Callable[[str, Identity], Records] | None,
        timers: Callable[[str, Event], Timers] | None,
        grace: float,
    ) -> None:
        self._records = records
        self._timers = timers
        self._grace = grace

    async def call(
        self,
        loaded: LoadedPlugin,
        what: str,
        method: Callable[[ToolContext], Awaitable[ToolResult]],
        context: ToolContext,
        *,
        seconds: float = CALL_SECONDS,
        may_change_profile: bool = False,
    ) -> ToolResult:
        """Run ``method`` with the plugin's own records and timers, and return its checked result.

        Args:
            loaded: the plugin.
            what: names the call in errors, such as ``a button`` or the tool's name.
            method: takes the context.
            context: of the person who caused the call.
            seconds: after which the call is cancelled.
            may_change_profile: whether the result may hold ``profile_changes``.

        Raises:
            PluginError: the plugin is cut off, or the call failed.
        """
        name, breaker = loaded.plugin.name, loaded.breaker
        if not breaker.allow():
            raise PluginError(
                f"the plugin {name!r} is cut off after {breaker.failures} failures in a row ({breaker.last_error}); "
                f"it is tried again in {breaker.retry_in:.0f} s"
            )
        own = self._own(name, context)
        loaded.call_started()
        try:
            returned = await self._bounded(loaded, method(own), seconds)
            result = checked(returned, plugin=name, may_change_profile=may_change_profile)
        except asyncio.CancelledError:
            breaker.abandoned()
            raise
        except Exception as error:
            why = str(error) if isinstance(error, PluginError | TimeoutError) else f"{type(error).__name__}: {error}"
            breaker.failed(f"{what}: {why}"[:ERROR_CHARACTERS])
            _log.warning(
                "plugin failed", plugin=name, what=what, failures=breaker.failures, state=breaker.state, exc_info=error
            )
            raise PluginError(f"the plugin {name!r} failed: {what}: {why}") from error
        finally:
            loaded.call_ended()
        breaker.succeeded()
        return result

    def _own(self, plugin: str, context: ToolContext) -> ToolContext:
        """The context with the records and timers of this plugin and no other."""
        if self._records is not None:
            # Documents are kept under the account that acts; without an event, under the person's first account.
            event, person_id = context.event, context.user_id
            identity = first_identity_of(person_id) if event is None else identity_of(event)
            context = dataclasses.replace(context, records=self._records(plugin, identity))
        if self._timers is not None and context.event is not None:
            context = dataclasses.replace(context, timers=self._timers(plugin, context.event))
        return context

    async def _bounded(self, loaded: LoadedPlugin, work: Awaitable[ToolResult], seconds: float) -> ToolResult:
        """Wait for ``work``. After ``seconds``, cancel it; give it up if it ignores that."""
        task = asyncio.ensure_future(work)
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

    async def _cancel(self, loaded: LoadedPlugin, task: asyncio.Future[Any]) -> None:
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=self._grace)
        if done:
            _ = task.cancelled() or task.exception()  # asyncio complains about an exception that nobody looked at
        elif isinstance(task, asyncio.Task):
            loaded.hung.add(task)
            task.add_done_callback(loaded.hung.discard)
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            _log.error("plugin ignores cancellation", plugin=loaded.plugin.name)
