"""Who administers the workspace: asked of Slack, and believed for some minutes."""

from __future__ import annotations

from typing import Any

import msgspec

from llmagent_os.adapter_kit.expiring_dict import ADMIN_SECONDS, MAX_ADMIN_ANSWERS, ExpiringDict
from llmagent_os.adapters.slack.api import Api
from llmagent_os.errors import AdapterError


class WorkspaceAdmins:
    """The admins and owners of one workspace."""

    def __init__(self, api: Api, team_id: str) -> None:
        """Args:
        api: of Slack.
        team_id: of the workspace.
        """
        self._api, self._team_id = api, team_id
        self._known: ExpiringDict[str, bool] = ExpiringDict(MAX_ADMIN_ANSWERS, seconds=ADMIN_SECONDS)

    async def administers(self, team_id: str, user_id: str) -> bool:
        """Whether a person administers the workspace. People of other workspaces, in shared channels, do not.

        Raises:
            AdapterError: Slack does not say.
        """
        if team_id != self._team_id:
            return False
        known = self._known.get(user_id)
        if known is None:
            answer = await self._api.call("users.info", optional=True, user=user_id)
            known = _is_admin(answer.get("user"), self._team_id)
            self._known.put(user_id, known)
        return known


class _Member(msgspec.Struct):
    team_id: str = ""
    deleted: bool = False
    is_bot: bool = False
    is_admin: bool = False
    is_owner: bool = False


def _is_admin(raw: Any, team_id: str) -> bool:
    try:
        member = msgspec.convert(raw, _Member)
    except msgspec.ValidationError as error:
        raise AdapterError(f"slack: users.info does not say who is an admin: {error}") from error
    is_own = member.team_id == team_id and not member.deleted and not member.is_bot
    return is_own and (member.is_admin or member.is_owner)
