"""A job's plan at work on a node of a cluster: on a thread, in a folder of its own, which is saved to shared storage.

The process of a node may be killed at any moment, with the node. Another node then begins with what was saved last.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import tempfile
import threading
import traceback
from collections.abc import Generator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
import structlog

from llmagent_os.cluster.shared_storage import SharedFolder
from llmagent_os.cluster.storage_errors import StorageUnavailableError
from llmagent_os.errors import ConfigError
from llmagent_os.ledger.training_values import JobProgress
from llmagent_os.privacy.masking import redact
from llmagent_os.sealing.mounts import mount_all
from llmagent_os.training.job_folders import LEDGER_FILE
from llmagent_os.training.job_log import set_up_log
from llmagent_os.training.job_order import load_plan
from llmagent_os.training.node_messages import NodeCandidate, NodeEnd, NodeOrder, NodeQuestion, NodeReport
from llmagent_os.training.process_limits import give_way, resident_bytes
from llmagent_os.training.training_plan import Candidate, JobCancelledError, JobSite, NothingToLearn

_log = structlog.stdlib.get_logger(__name__)

#: Why a job has failed that needs more memory than it may have.
MEMORY = "it needs more memory: raise memory_gb in [training], or train in smaller batches"


#: Begins the name of the folder in which a plan works on a node; its process follows.
_SCRATCH = "llmagent-os-job-"
#: Deletes a folder when the input ends. The shell itself ends at once.
_DELETER = 'exec 3<&0; (trap "" HUP INT TERM; cat <&3; rm -rf -- "$1") &'


class _Log(io.StringIO):
    """What the plan prints, until somebody takes it. Written and read by different threads."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        with self._lock:
            return super().write(text)

    def take(self) -> str:
        """What was printed since the last time."""
        with self._lock:
            text = self.getvalue()
            self.seek(0)
            self.truncate()
        return text


class NodeJob:
    """One plan at work."""

    def __init__(self, raw: bytes) -> None:
        self._order = msgspec.msgpack.decode(raw, type=NodeOrder)
        mount_all(self._order.mounts)
        give_way("normal" if self._order.priority == "normal" else "low")
        self._printed = _Log()
        self._progress: JobProgress | None = None
        self._end: NodeEnd | None = None
        self._cancelled = threading.Event()
        self._out_of_memory = False
        self._done = threading.Event()
        threading.Thread(target=self._run, name="llmagent-os-job", daemon=True).start()

    def tell(self, raw: bytes) -> bytes:
        """Answer a :class:`NodeQuestion` with a :class:`NodeReport`."""
        if msgspec.msgpack.decode(raw, type=NodeQuestion).cancel:
            self._cancelled.set()
        elif resident_bytes() > self._order.memory_bytes:
            self._out_of_memory = True
            self._cancelled.set()
        end = self._end  # before the progress and the log, so that none of them is left behind
        progress, self._progress = self._progress, None
        return msgspec.msgpack.encode(NodeReport(progress=progress, log=self._printed.take(), end=end))

    def _report(self, progress: JobProgress) -> None:
        self._progress = progress

    def _run(self) -> None:
        with redirect_stdout(self._printed):
            set_up_log()
            try:
                self._end = self._worked()
            except JobCancelledError:
                memory = NodeEnd(kind="ModelError", text=MEMORY)
                self._end = memory if self._out_of_memory else NodeEnd(cancelled=True)
            except BaseException as error:  # whatever a plan raises, its process hears of it
                print(redact(traceback.format_exc()))
                self._end = NodeEnd(kind=type(error).__name__, text=str(error) or repr(error))
            finally:
                self._done.set()

    def _worked(self) -> NodeEnd:
        order = self._order
        marker = Path(order.site.folder).parent / LEDGER_FILE
        if not marker.is_file() or marker.read_text(encoding="utf-8") != order.ledger_tag:
            raise ConfigError(
                f"the data folder {order.site.data} (LLMAGENT_OS_DATA) is not on the node that is to train: every node "
                "that trains needs it at the same path, such as on NFS, and has to reach the ledger. Or leave `jobs` "
                "out of LLMAGENT_OS_RAY_WORK"
            )
        if not order.storage:
            return _ended(self._trained(Path(order.site.folder)), Path(order.site.folder))
        _delete_left()
        work = Path(tempfile.mkdtemp(prefix=f"{_SCRATCH}{os.getpid()}-"))
        with _deleted_at_the_end(work):
            return self._with_storage(work / "work")

    def _with_storage(self, folder: Path) -> NodeEnd:
        """Train in a folder of this node, which is saved while the plan works and when it has ended."""
        folder.mkdir()
        shared = SharedFolder(self._order.storage, self._order.key)
        if shared.fetch(folder):
            _log.info("the job goes on from what was saved")
        saving = threading.Thread(target=self._save, args=(shared, folder), daemon=True)
        saving.start()
        try:
            made = self._trained(folder)
        except BaseException:
            self._done.set()
            saving.join()
            _try_to_save(shared, folder)  # in vain or not: what the job's process hears is how the plan has ended
            raise
        self._done.set()
        saving.join()
        if not shared.save(folder):
            _log.warning("the job's folder changes while it is saved")
        return _ended(made, folder)

    def _trained(self, folder: Path) -> Candidate | NothingToLearn:
        given: dict[str, Any] = msgspec.structs.asdict(self._order.site)
        given |= {"folder": folder, "data": Path(self._order.site.data)}
        return load_plan(self._order.plan).run(self._order.job, JobSite(**given), self._report, self._cancelled.is_set)

    def _save(self, shared: SharedFolder, folder: Path) -> None:
        """Save now and then. A storage that is away costs no training: the next save may be possible."""
        while not self._done.wait(self._order.save_seconds):
            _try_to_save(shared, folder)


def _try_to_save(shared: SharedFolder, folder: Path) -> None:
    try:
        shared.save(folder)
    except StorageUnavailableError as error:
        _log.error("the job's checkpoint cannot be saved", error=str(error))


def _ended(made: Candidate | NothingToLearn, folder: Path) -> NodeEnd:
    if isinstance(made, NothingToLearn):
        return NodeEnd(nothing=made.why)
    about = {name: getattr(made, name) for name in NodeCandidate.__struct_fields__ if name != "folder"}
    return NodeEnd(candidate=NodeCandidate(folder=str(made.folder.relative_to(folder)), **about))


@contextlib.contextmanager
def _deleted_at_the_end(folder: Path) -> Generator[None]:
    """Delete a folder afterwards, and also when this process is killed: a process waits for its end.

    That one is nobody's child and in no session of Ray's, which ends the children of its workers.
    """
    command = ("/bin/sh", "-c", _DELETER, "sh", str(folder))
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True):
        try:
            yield
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _delete_left() -> None:
    """Delete what was left on this node by processes that ended with their machine: it holds what people said."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
        number = folder.name.removeprefix(_SCRATCH).partition("-")[0]
        try:
            os.kill(int(number), 0)
        except (ProcessLookupError, ValueError):
            shutil.rmtree(folder, ignore_errors=True)
        except PermissionError:  # another user's process
            continue
