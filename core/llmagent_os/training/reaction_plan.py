"""The default plan of a training job: what people thought of a bot's replies becomes a LoRA.

The six steps of fine-tuning, in order: the data and its preprocessing (``reaction_data``), what is learned of it
(``reaction_lessons``), configuration and training (``reaction_training``), evaluation (``reaction_suite``), the gate.
Deployment is the registry's. What was read and written before the training is kept in the job's folder. So a job that
was killed goes on with the same data.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import structlog

from llmagent_os.errors import ModelError
from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.training_values import JobProgress, Level, Stage, TrainingJob
from llmagent_os.llm import LLM
from llmagent_os.people.directory import Directory
from llmagent_os.people.kept_places import KeptPlaces
from llmagent_os.privacy.consent import Consent
from llmagent_os.serving.model_catalogue import MODELS_FOLDER
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_location import Location
from llmagent_os.training.answering_style import answering_style
from llmagent_os.training.asked_questions import held_out_in_usual_style
from llmagent_os.training.bot_prompts import bot_prompts
from llmagent_os.training.canary_settings import CanarySettings
from llmagent_os.training.curated_examples import curated_examples, with_curated
from llmagent_os.training.gate import GateVerdict
from llmagent_os.training.learned_cues import learned_cues
from llmagent_os.training.lora_folder import LORAS_FOLDER
from llmagent_os.training.lora_version import STYLE
from llmagent_os.training.misread_by_rules import RULES_YIELD
from llmagent_os.training.policy_beliefs import read_beliefs
from llmagent_os.training.prepared_data import PREPARED_FILE, Prepared, read_prepared, write_prepared
from llmagent_os.training.reaction_data import hash_of, read_reactions
from llmagent_os.training.reaction_evaluation import MeasuredLora, measure_lora, write_reports
from llmagent_os.training.reaction_lessons import CALL_LOSS, find_lessons
from llmagent_os.training.reaction_suite import evaluation_suite, judged_prompts
from llmagent_os.training.starting_version import retire_stale, versions_for
from llmagent_os.training.training_config import LEAST_PEOPLE
from llmagent_os.training.training_plan import (
    Cancelled,
    Candidate,
    JobCancelledError,
    JobSite,
    NothingToLearn,
    ReportProgress,
    until_cancelled,
)
from llmagent_os.training.training_settings import settings_of

if TYPE_CHECKING:
    from llmagent_os.training.reaction_training import TrainedLora

_log = structlog.stdlib.get_logger(__name__)

#: The settings that decide what is learned, beside how. With others, what was prepared is of no use.
_DECISIVE = ("method", "seed", "baseline")

#: Settings of this plan, where the bot has none. With few opinions it is half chance which validation loss is least. So
#: all planned steps are taken, and the weights at the end are kept if they have half of the best ones' progress.
DEFAULTS = {"method": "distil", "patience": 1000, "end_share": 0.5}

_Result = TypeVar("_Result")


class ReactionPlan:
    """Learns from reactions. The default of ``plan`` in ``[training]``."""

    def run(
        self, job: TrainingJob, site: JobSite, report: ReportProgress, cancelled: Cancelled
    ) -> Candidate | NothingToLearn:
        """Train, measure and judge; see :class:`~llmagent_os.training.training_plan.TrainingPlan`."""
        return _ReactionJob(job, site, report, cancelled).run()


class _ReactionJob:
    """One job at work."""

    def __init__(self, job: TrainingJob, site: JobSite, report: ReportProgress, cancelled: Cancelled) -> None:
        self._job = job
        self._site = site
        self._report = report
        self._cancelled = cancelled
        self._settings: dict[str, Any] = {**DEFAULTS, **site.training.get("settings", {}), **job.options}
        self._checked = settings_of(self._settings)  # a wrong one is an error before any work
        self._method = str(self._settings["method"])
        self._person = PersonId(job.subject) if job.level == Level.PERSONAL else None
        self._curated: tuple[str, ...] = () if self._person else tuple(site.training.get("examples", ()))
        curated_examples(self._curated)  # wrong ones too

    def run(self) -> Candidate | NothingToLearn:
        """Do the six steps."""
        made = self._make()
        stage = made.stage if isinstance(made, Candidate) else Stage.REJECTED
        if stage != Stage.ACTIVE:
            self._wait(self._retire_stale())
        return made

    def _make(self) -> Candidate | NothingToLearn:
        prepared = self._prepared()
        if isinstance(prepared, NothingToLearn):
            return prepared
        from llmagent_os.training.reaction_training import train_lora

        location = self._location()
        trained = train_lora(
            prepared.lessons,
            prepared.data.splits.test,
            location,
            {"stop_at_loss": CALL_LOSS, **self._settings} if prepared.lessons.has_calls else self._settings,
            self._site.folder,
            self._folder_of(prepared.parent),
            self._report,
            self._cancelled,
        )
        for warning in trained.run.warnings:
            _log.warning(warning)
        if trained.run.best_step == 0:
            return NothingToLearn("no step of the training made anything better on its validation examples")
        measured = self._wait(self._measure(prepared, trained))
        write_reports(trained.folder, measured, bot=self._job.bot, method=self._method)
        cues = self._wait(self._cues(prepared, trained)) if measured.verdict.passed else []
        return self._candidate(prepared, trained, location, measured, cues)

    # ── steps 1 and 2: data ───────────────────────────────────────────────────────────────────────────────────────

    def _prepared(self) -> Prepared | NothingToLearn:
        """What an earlier process of this job has prepared, or else what is prepared now."""
        file = self._site.folder / PREPARED_FILE
        if (kept := read_prepared(file, self._decisive)) is not None:
            return kept
        prepared = self._wait(self._prepare())
        if isinstance(prepared, NothingToLearn):
            return prepared
        write_prepared(file, prepared)
        return msgspec.json.decode(file.read_bytes(), type=Prepared)

    @property
    def _decisive(self) -> dict[str, str]:
        """The settings that decide what is learned."""
        return {name: str(getattr(self._checked, name)) for name in _DECISIVE}

    async def _prepare(self) -> Prepared | NothingToLearn:
        self._tell("data", 0)
        ledger = await Ledger.open(self._site.ledger_url)
        places = KeptPlaces(self._site.ledger_url, self._site.data)
        try:
            defaults = msgspec.convert(self._site.bot.get("consent", {}), Consent)
            directory = Directory(ledger, places.profiles(), defaults)
            least = int(self._site.training.get("group_people", LEAST_PEOPLE))
            data = await read_reactions(ledger, directory, self._job, group_people=least)
            if isinstance(data, NothingToLearn):
                return data
            parent, active = await versions_for(self._job, ledger, self._site.data, model_hash(self._location()))
            beliefs = await read_beliefs(ledger, self._site.bot, {each.person for each in data.splits.training})
            style = await answering_style(ledger, directory, self._site.bot, self._person) if self._person else None
        finally:
            await asyncio.to_thread(places.close)
            await ledger.close()
        _log.info("the examples are read", **data.counts, left_out=data.left_out)
        self._tell("candidates", 1)
        async with self._llm() as llm:
            prompts = bot_prompts(self._site.bot, data.tools, native=llm.card.native, style=style)
            curated = curated_examples(self._curated, system=prompts.system, tools=prompts.tools)
            data = msgspec.structs.replace(data, splits=with_curated(data.splits, curated))
            lora = str(self._folder_of(parent) or "base")
            lessons = await find_lessons(
                llm,
                data,
                prompts,
                self._checked,
                person=self._person,
                lora=lora,
                beliefs=beliefs,
                besides=judged_prompts(data, prompts),
                persona=self._job.subject if self._job.level == Level.GROUP else "",
            )
        if isinstance(lessons, NothingToLearn):
            return lessons
        for note in lessons.notes:
            _log.info(note)
        if self._person is not None:
            data = held_out_in_usual_style(data, prompts)
        return Prepared(data=data, lessons=lessons, parent=parent, active=active, style=style, settings=self._decisive)

    async def _retire_stale(self) -> None:
        ledger = await Ledger.open(self._site.ledger_url)
        try:
            await retire_stale(self._job, ledger, self._site.data)
        finally:
            await ledger.close()

    # ── step 5: evaluation, and what comes of it ──────────────────────────────────────────────────────────────────

    async def _measure(self, prepared: Prepared, trained: TrainedLora) -> MeasuredLora:
        async with self._llm() as llm:
            prompts = bot_prompts(self._site.bot, prepared.data.tools, native=llm.card.native, style=prepared.style)
            suite = evaluation_suite(prepared.data, prompts, trained.test, person=self._person)
            active = prepared.active or "base", self._folder_of(prepared.active)
            parent = self._folder_of(prepared.parent)
            tell = partial(self._tell, "evaluation")
            return await measure_lora(llm, suite, trained.folder, active, tell, parent=parent)

    async def _cues(self, prepared: Prepared, trained: TrainedLora) -> list[list[str]]:
        """The words at which plugins' rules yield to the candidate."""
        async with self._llm() as llm:
            splits = prepared.data.splits
            return await learned_cues(llm, (*splits.training, *splits.validation, *splits.test), trained.folder)

    def _candidate(
        self,
        prepared: Prepared,
        trained: TrainedLora,
        location: Location,
        measured: MeasuredLora,
        cues: list[list[str]],
    ) -> Candidate:
        data, verdict = prepared.data, measured.verdict
        return Candidate(
            folder=trained.folder,
            parent=prepared.parent,
            base_model=location.name,
            base_hash=model_hash(location),
            data_hash=hash_of((*prepared.lessons.training, *prepared.lessons.validation)),
            method=self._method,
            contributors=data.contributors,
            through=data.through,
            evaluation=measured.summary()
            | {
                "examples": data.counts | {"left out": data.left_out},
                "notes": list(prepared.lessons.notes),
                "training": trained.summary(),
            }
            | ({} if prepared.style is None else {STYLE: prepared.style})
            | ({RULES_YIELD: cues} if cues else {}),
            stage=self._stage(verdict),
            why=verdict.why,
        )

    def _stage(self, verdict: GateVerdict) -> Stage:
        """A personal version serves its one person at once. One of many people is tried on some conversations first."""
        if not verdict.passed:
            return Stage.REJECTED
        share = CanarySettings.model_validate(self._site.training.get("canary", {})).share
        tried = self._person is None and share > 0
        return Stage.CANARY if tried else Stage.ACTIVE

    # ── all of them ───────────────────────────────────────────────────────────────────────────────────────────────

    def _llm(self) -> LLM:
        return LLM.from_pretrained(self._site.model, models=self._site.data / MODELS_FOLDER)

    def _location(self) -> Location:
        location = self._llm().location
        if location is None:
            raise ModelError(f"{self._site.model} is a server's model: only local models can be trained here")
        return location

    def _folder_of(self, version: str) -> Path | None:
        return self._site.data / LORAS_FOLDER / version if version else None

    def _tell(self, phase: str, step: int) -> None:
        if self._cancelled():
            raise JobCancelledError
        self._report(JobProgress(phase=phase, step=step, steps=2))

    def _wait(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return asyncio.run(until_cancelled(work, self._cancelled))
