"""One request of a person at a time. What breaks without this: two notes at once get one number, and one is lost."""

from __future__ import annotations

import asyncio

from llmagent_os.plugin import Span, ToolContext, ToolResult, tool
from llmagent_os.plugins.kit.serialized_plugin import SerializedPlugin, serialized
from tests.unit.plugins.everyday_person import EverydayPerson


class Counter(SerializedPlugin):
    """Counts, with a pause between reading and writing."""

    name = "counter"

    @tool()
    @serialized
    async def count(self, context: ToolContext, what: Span) -> ToolResult:
        """Count something.

        Args:
            context: of the person
            what: is counted
        """
        record = await context.records.get(what) or {"count": 0}
        await asyncio.sleep(0)
        await context.records.put(what, {"count": record["count"] + 1})
        return ToolResult({}, what)


async def test_requests_of_one_person_take_turns_and_the_tool_stays_described() -> None:
    person = EverydayPerson(Counter())
    plugins = await person.loaded()
    (spec,) = plugins.specs()
    assert (spec.description, [*spec.parameters["properties"]]) == ("Count something.", ["what"])
    await asyncio.gather(*(person.call("count", what="sheep") for _ in range(5)))
    assert await person.records.get("sheep") == {"count": 5}
