"""The services that an exchange and a slash command use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from llmagent_os.adapter import FormWay
from llmagent_os.adapter_kit.forms import SentForms
from llmagent_os.adapter_kit.person_secrets import SecretPlace
from llmagent_os.credentials.vault import Vault
from llmagent_os.events import now
from llmagent_os.knowledge.scopes import ScopedBases
from llmagent_os.modules import BehaviorModule, InteractionModule, KnowledgeBase, PrivacyModule
from llmagent_os.people.directory import Directory
from llmagent_os.people.linking import Links
from llmagent_os.reply.agent_settings import AgentSettings
from llmagent_os.reply.lora_resolver import LoraResolver, NoLora
from llmagent_os.reply.unfinished_form import UnfinishedForms
from llmagent_os.voice.voice_service import NO_VOICE, Voice

if TYPE_CHECKING:
    from llmagent_os.ledger import Ledger
    from llmagent_os.people.access import Access
    from llmagent_os.people.budgets import Budgets
    from llmagent_os.people.person_languages import PersonLanguages
    from llmagent_os.people.profiles import Profiles
    from llmagent_os.policy_worker import PolicyWorker
    from llmagent_os.privacy.stores import Stores
    from llmagent_os.tools.plugin_choice import PluginChoice
    from llmagent_os.tools.registry import Plugins
    from llmagent_os.training.lora_registry import LoraRegistry
    from llmagent_os.training.persona_tracker import PersonaTracker


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """Everything beside the model that replies and commands are made with. Nothing is added later.

    A service that is None is one that the agent does without, as in a plain script.
    """

    #: decides how to answer a person
    behavior: BehaviorModule = msgspec.field(default_factory=BehaviorModule)
    #: renders replies
    interaction: InteractionModule = msgspec.field(default_factory=InteractionModule)
    #: masks what is kept and cleans what is shown
    privacy: PrivacyModule = msgspec.field(default_factory=PrivacyModule)
    #: listens to recordings and reads replies aloud
    voice: Voice = msgspec.field(default_factory=lambda: NO_VOICE)
    settings: AgentSettings = AgentSettings()
    clock: Callable[[], datetime] = now  #: the present moment, aware
    ledger: Ledger | None = None  #: keeps interactions, rewards, links and timers
    profiles: Profiles | None = None  #: keeps what people told about themselves
    plugins: Plugins | None = None  #: has the tools
    plugin_choice: PluginChoice | None = None  #: which installed plugins the bot has; None: they cannot be switched
    access: Access | None = None  #: says who is answered, and who may let others in
    languages: PersonLanguages | None = None  #: says in which language a person is spoken to; None: in English
    budgets: Budgets | None = None  #: what people may use, and have used; None: nobody counts
    policy_worker: PolicyWorker | None = None  #: keeps the policy in step with the ledger
    lora: LoraResolver = NoLora()  #: chooses the LoRA that answers a person
    loras: LoraRegistry | None = None  #: keeps the versions of LoRAs
    personas: PersonaTracker | None = None  #: knows the persona of each person; None: the bot does not learn
    #: whatever keeps something about people in this installation; None: only the ledger, profiles and policy of these
    stores: Stores | None = None

    secrets: Path | SecretPlace | None = None  #: of plugins: where they are, or their folder; None: they are not kept
    vault: Vault | None = None  #: keeps what people give tools to sign in elsewhere; None: nobody can
    taught: ScopedBases | None = None  #: what people have taught; None: nobody can
    #: how people fill in forms, by platform; elsewhere question by question
    form_ways: Mapping[str, FormWay] = msgspec.field(default_factory=dict[str, FormWay])
    #: what was wrong with forms that were sent
    sent_forms: SentForms = msgspec.field(default_factory=SentForms)
    #: the forms that people fill in question by question
    unfinished_forms: UnfinishedForms = msgspec.field(default_factory=UnfinishedForms)
    knowledge: KnowledgeBase | None = None  #: what the agent knows; the agent sets it
    data: Path | None = None  #: the data folder; None: nothing is kept in files
    outgoing: Path | None = None  #: the folder of files that plugins make for people; None: temporary ones

    @property
    def directory(self) -> Directory:
        """Finds people and their profiles."""
        return Directory(self.ledger, self.profiles, self.settings.consent)

    @property
    def links(self) -> Links | None:
        """Joins accounts and takes them apart; None: without a ledger nobody is known."""
        return None if self.ledger is None else Links(self.ledger, self.profiles, self.clock)
