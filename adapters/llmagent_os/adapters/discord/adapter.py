"""Discord as a platform."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import discord
import msgspec
import structlog
from discord.errors import ConnectionClosed

from llmagent_os.adapter import Accept, Capabilities, Receipt, Reply
from llmagent_os.adapters.discord import wire
from llmagent_os.adapters.discord.api import Api
from llmagent_os.adapters.discord.buttons import Buttons
from llmagent_os.adapters.discord.catching_up import CatchUp
from llmagent_os.adapters.discord.client import Client
from llmagent_os.adapters.discord.commands import Commands
from llmagent_os.adapters.discord.downloads import Downloads
from llmagent_os.adapters.discord.failures import BAD_TOKEN, FAILURES, NO_CONTENT, NO_INTENTS, failure
from llmagent_os.adapters.discord.heard import Heard
from llmagent_os.adapters.discord.interactions import Interaction, Interactions
from llmagent_os.adapters.discord.lanes import Lanes
from llmagent_os.adapters.discord.posting import CHARACTERS
from llmagent_os.adapters.discord.reading import PLATFORM, Reader, moment
from llmagent_os.adapters.discord.sending import Sender
from llmagent_os.backoff import Backoff
from llmagent_os.errors import AdapterError, BadEventError, ConfigError, HostBusyError, LedgerError
from llmagent_os.events import ButtonPress, Command, Conversation, Event, Message, Sender as Person
from llmagent_os.files import Files
from llmagent_os.records import MemoryRecords, Records
