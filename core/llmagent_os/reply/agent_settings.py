"""What a bot's configuration decides about its agent."""

from __future__ import annotations

from typing import Literal

import msgspec

from llmagent_os.etiquette.hours_config import HoursConfig
from llmagent_os.plugin import WebAccess
from llmagent_os.privacy.cache_salts import CacheSalts
from llmagent_os.privacy.consent import Consent
from llmagent_os.reply.approval_config import ApprovalConfig
from llmagent_os.serving.model_card import Grounding
from llmagent_os.tools.tools_config import ToolsConfig

#: Who may teach a bot from chat: nobody; admins; or everybody for themselves, and admins for the workspace.
LearnSetting = Literal["off", "admins", "members"]


class MemorySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How facts that people state about themselves are found. Whether they are kept, :class:`Consent` says."""

    #: who finds the facts in a message: the rules alone, or the model too, where it is a general one
    propose: Literal["rules", "model"] = "rules"


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's part of a bot's configuration."""

    title: str = "your assistant"  #: what the agent calls itself
    about: str = ""  #: one line that says what the agent does
    examples: tuple[str, ...] = ()  #: messages that people could begin with
    notes: str = ""  #: put into the system message of a model that was not trained for this bot
    permissions: tuple[str, ...] | None = None  #: what its tools may do, as patterns; None: everything
    tool_rounds: int = 3  #: how often a model may call tools before it must answer in words
    tools: ToolsConfig = ToolsConfig()  #: how many tools a model is shown, and which in any case
    max_tokens: int = 256  #: of one completion
    temperature: float = 0.0  #: of the model's words; 0: always the likeliest
    min_p: float = 0.0  #: least probability of a word that is drawn, as a share of the likeliest word's
    seed: int | None = None  #: with the same seed, the same chat gets the same words; None: other words every time
    remembered_turns: int = 4  #: how many earlier exchanges of the conversation the model is shown
    #: whether replies are checked against the tools' results; None: as the model's card says
    grounding: Grounding | None = None
    #: whether plugins' rules read a message before the model; None: for a model of this project's own, as its card says
    request_rules: bool | None = None
    #: the languages that the model understands, by ISO 639-1; empty: any; None: as the model's card says
    model_languages: tuple[str, ...] | None = None
    memory: MemorySettings = MemorySettings()  #: how facts that people state about themselves are found
    time_zone: str = "UTC"  #: IANA name: the zone of people who never said where they are
    learn: LearnSetting = "off"  #: who may teach the bot from chat
    consent: Consent = Consent()  #: what people allow who have not said
    asks_consent: bool = False  #: people are told once what the bot does with what it hears, and how to change it
    feedback_buttons: tuple[str, ...] = ()  #: the platforms on which replies have a thumb up and a thumb down to press
    hours: HoursConfig = HoursConfig()  #: when the bot works, and when it begins nothing by itself
    thanks_emoji: str = ""  #: put in groups on thanks that need no answer; empty: nothing
    approvals: ApprovalConfig = ApprovalConfig()  #: when people are asked before a call that a model chose is made
    salts: CacheSalts | None = None  #: keeps apart what a model's server remembers of people; None: nothing does
    web: WebAccess = WebAccess()  #: how plugins reach the web
