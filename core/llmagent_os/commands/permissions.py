"""``/permissions``: which tools ask before they act, and which the person lets act without asking."""

from __future__ import annotations

from llmagent_os.adapter import Button, Reply
from llmagent_os.events import Command, Event
from llmagent_os.identity import identity_of
from llmagent_os.languages import LazyText, gettext, lazy_gettext
from llmagent_os.plugin import Effect
from llmagent_os.reply.action_gate import tool_hash
from llmagent_os.reply.approvals import note_act
from llmagent_os.reply.pending_actions import PendingActions, StandingApproval
from llmagent_os.reply.services import Services

#: Begins the value of the buttons that have a tool ask again, or always act; ``ask`` or ``always`` and the tool follow.
PERMISSIONS = "agent:permissions:"

#: What a tool does, as the person reads it.
EFFECTS: dict[Effect, LazyText] = {
    "reads": lazy_gettext("it only reads"),
    "changes": lazy_gettext("it changes what you keep here"),
    "destructive": lazy_gettext("it can lose what cannot be brought back"),
    "outward": lazy_gettext("it can reach other people or servers"),
}

_NONE = lazy_gettext("None of my tools reaches others or loses what cannot be brought back, so none asks you first.")
_NOT_KEPT = lazy_gettext("I keep nothing here, so I cannot keep what you allow.")


async def permissions(services: Services, command: Command) -> Reply:
    """Answer ``/permissions``, ``/permissions always TOOL`` and ``/permissions ask TOOL``."""
    words = command.arguments.lower().split()
    return await _shown(services, command) if not words else await _turn(services, command, words)


async def permissions_pressed(services: Services, event: Event, value: str) -> Reply:
    """Answer a button of the list. Its value begins with :data:`PERMISSIONS`."""
    return await _turn(services, event, value.removeprefix(PERMISSIONS).split(":"))


async def _turn(services: Services, event: Event, words: list[str]) -> Reply:
    asking = _asking_tools(services)
    if services.ledger is None or services.plugins is None:
        return Reply(str(_NOT_KEPT))
    if len(words) != 2 or words[0] not in ("always", "ask") or words[1] not in asking:
        if not asking:
            return Reply(str(_NONE))
        return Reply(
            gettext(
                "I don't know `{command}`. Write `/permissions always TOOL` or `/permissions ask TOOL`. The tools that "
                "ask are: {tools}.",
                command=f"/permissions {' '.join(words)[:80]}",
                tools=", ".join(f"`{name}`" for name in asking),
            )
        )
    verb, tool = words
    identity, actions = identity_of(event), PendingActions(services.ledger, identity_of(event))
    if verb == "ask":
        if await actions.ask_again(tool):
            await note_act(services, identity, "is asked again", tool, asking[tool])
        return Reply(gettext("I ask you before I use `{tool}`.", tool=tool))
    if services.settings.approvals.asking(tool, asking[tool]) == "each":
        return Reply(gettext("Whoever runs me wants you to be asked every time before I use `{tool}`.", tool=tool))
    standing = StandingApproval(effect=asking[tool], at=services.clock(), tool_hash=tool_hash(services.plugins, tool))
    await actions.allow_always(tool, standing)
    await note_act(services, identity, "always allows", tool, asking[tool])
    return Reply(
        gettext(
            "From now on I use `{tool}` without asking you. `{command}` ends that.",
            tool=tool,
            command=f"/permissions ask {tool}",
        )
    )


async def standing_tools(services: Services, event: Event) -> list[str]:
    """The tools that the person lets act without asking."""
    if services.ledger is None:
        return []
    return sorted(await PendingActions(services.ledger, identity_of(event)).standing())


async def _shown(services: Services, event: Event) -> Reply:
    asking = _asking_tools(services)
    if not asking:
        return Reply(str(_NONE))
    standing = await standing_tools(services, event)
    lines: list[str] = []
    buttons: list[Button] = []
    for tool, effect in asking.items():
        if services.settings.approvals.asking(tool, effect) == "each":
            state = gettext("I ask you every time, as whoever runs me wants")
        elif tool in standing:
            state = gettext("I use it without asking")
            buttons.append(Button(gettext("Ask again: {tool}", tool=tool)[:80], f"{PERMISSIONS}ask:{tool}"))
        else:
            state = gettext("I ask you first")
        row = gettext("**{tool}**: {state}; {effect}.", tool=tool, state=state, effect=EFFECTS[effect])
        lines.append(f"- {row}")
    lines += ["", gettext("This is about what I choose to do. What you say plainly or press is done.")]
    return Reply("\n".join(lines), buttons=tuple(buttons[:25]))


def _asking_tools(services: Services) -> dict[str, Effect]:
    """The tools that people are asked about, and what they do, by name."""
    marks = services.plugins.marks if services.plugins is not None else {}
    approvals = services.settings.approvals
    return {name: mark.effect for name, mark in sorted(marks.items()) if approvals.asking(name, mark.effect) != "never"}
