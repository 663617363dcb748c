"""What a plugin in its own process says of itself, and the types of what it is asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from pydantic import SecretStr

from llmagent_os.adapter_kit.pages import PageRequest
from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.credentials.credential import Credential
from llmagent_os.forms.form import Form
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import ToolMark, ToolResult, ToolSource
from llmagent_os.records import Record
from llmagent_os.tools.declared_tools import settings_model
from llmagent_os.tools.isolation.passed_context import PassedContext
from llmagent_os.tools.isolation.passed_form import PassedAnswer, PassedValues


class DeclaredSetting(msgspec.Struct, frozen=True):
    """A field of the plugin's settings."""

    name: str
    required: bool
    secret: bool  #: it is given as a variable only
    about: str  #: one line; empty: nothing is said

    @classmethod
    def all_of(cls, plugin: ToolSource) -> tuple[DeclaredSetting, ...] | None:
        """Read the fields of a plugin's settings. None: it has no settings."""
        model = settings_model(plugin)
        if model is None:
            return None
        return tuple(
            cls(name, field.is_required(), field.annotation is SecretStr, field.description or "")
            for name, field in model.model_fields.items()
        )


class DeclaredPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """The attributes of a plugin, as its process reads them."""

    name: str
    asks_others: bool
    shares_records: bool
    keeps_private: bool
    is_personal: bool
    about: str
    reading: tuple[str, ...]
    forms: tuple[Form, ...]
    credentials: tuple[Credential, ...]
    commands: dict[str, str]
    work: str
    file_commands: frozenset[str]
    requires: tuple[str, ...]
    requires_plugins: tuple[str, ...]
    extra_permissions: tuple[str, ...]
    platforms: tuple[str, ...]
    records_version: int
    migrations: tuple[int, ...]  #: the versions that it migrates from
    settings: tuple[DeclaredSetting, ...] | None  #: the fields of its settings; None: it has no settings
    answers: tuple[str, ...]  #: the optional methods that it defines
    open_files: str = ""  #: why its process may read more files than it should; empty: it may not

    @classmethod
    def of(cls, plugin: ToolSource, open_files: str) -> DeclaredPlugin:
        """Read the attributes of a plugin."""
        return cls(
            name=plugin.name,
            asks_others=plugin.asks_others,
            shares_records=plugin.shares_records,
            keeps_private=plugin.keeps_private,
            is_personal=plugin.is_personal,
            about=plugin.about,
            reading=tuple(plugin.reading),
            forms=plugin.forms,
            credentials=plugin.credentials,
            commands=dict(plugin.commands),
            work=plugin.work,
            file_commands=frozenset(plugin.file_commands),
            requires=plugin.requires,
            requires_plugins=plugin.requires_plugins,
            extra_permissions=plugin.extra_permissions,
            platforms=plugin.platforms,
            records_version=plugin.records_version,
            migrations=tuple(plugin.migrations),
            settings=DeclaredSetting.all_of(plugin),
            answers=tuple(name for name in [*METHODS, "page"] if plugin.answers(name)),
            open_files=open_files,
        )


class DeclaredTool(msgspec.Struct, frozen=True):
    """A tool of the plugin."""

    spec: ToolSpec
    mark: ToolMark


#: The optional methods that take a context: the types of what they take besides, and of what they return.
METHODS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "pressed": ((str,), ToolResult),
    "pressed_by_anyone": ((str,), ToolResult),
    "proposed": ((str, dict[str, Any]), str),
    "button_meant": ((), str | None),
    "requests_in": ((), tuple[ToolCall, ...] | ToolResult),
    "answer_to": ((), ToolResult | None),
    "urgent_answer_to": ((), ToolResult | None),
    "joined": ((dict[str, ToolResult],), ToolResult),
    "received": ((), ToolResult | None),
    "profile_changed": ((Profile, str), ToolResult | None),
    "suggestions": ((), tuple[str, ...]),
    "submitted": ((str, PassedValues), PassedAnswer),
    "due": ((str, datetime), ToolResult | None),
    "export_files": ((), ToolResult | None),
    "command": ((str, str), ToolResult),
}


class MethodCall(msgspec.Struct, frozen=True, array_like=True):
    """One call of an optional method."""

    method: str
    context: PassedContext
    arguments: tuple[msgspec.Raw, ...] = ()


class ToolRun(msgspec.Struct, frozen=True, array_like=True):
    """One call of a tool."""

    tool: str
    context: PassedContext
    arguments: dict[str, Any]


class PageAsked(msgspec.Struct, frozen=True, array_like=True):
    """A request for a page, in a call of this number."""

    number: int
    request: PageRequest


class Migration(msgspec.Struct, frozen=True, array_like=True):
    """A document that goes from one version to the next."""

    version: int
    record: Record


#: What is wrong with settings: the field and the reason.
WrongSettings = list[tuple[str, str]]


class LoadPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """Which plugin the process loads: the one of an entry point, or of a file or folder."""

    entry_point: str = ""  #: its name
    file: str = ""  #: the path
    own_folder: str  #: where the process may write
    inbox: str  #: where it finds what is handed to it
    host: int  #: the number of the host's process
    memory_bytes: int  #: of address space, at most
