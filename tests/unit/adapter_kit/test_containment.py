"""The boundary around foreign code. What breaks without this: one tool ends the process, or silences a conversation."""

from __future__ import annotations

import argparse
import asyncio
import signal
import subprocess
import sys

import pytest

from llmagent_os.adapter_kit.background_tasks import BackgroundTasks, run_together
from llmagent_os.adapter_kit.containment import contained, contained_call, run_loop
from llmagent_os.errors import ContainedError


class PanicException(BaseException):
    """What a Rust extension raises (pyo3)."""


def ends_itself() -> None:
    argparse.ArgumentParser(exit_on_error=True).parse_args(["--no-such-option"])


RAISED = [
    SystemExit(2),
    KeyboardInterrupt(),
    GeneratorExit(),
    PanicException("index out of bounds"),
    BaseExceptionGroup("two", [KeyboardInterrupt(), ValueError()]),
    asyncio.CancelledError(),
]


@pytest.mark.parametrize("raised", RAISED, ids=lambda raised: type(raised).__name__)
async def test_whatever_foreign_code_raises_becomes_an_ordinary_error(raised: BaseException) -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise raised

    with pytest.raises(ContainedError, match=type(raised).__name__) as caught:
        await contained(work())
    assert caught.value.__cause__ is raised
    with pytest.raises(ContainedError):  # and asyncio's loop goes on where a task raises it
        await BackgroundTasks().spawn(work())
    with pytest.raises(ContainedError):
        await run_together(work())


async def test_an_ordinary_error_stays_itself() -> None:
    async def work() -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await contained(work())


@pytest.mark.parametrize(
    "made_of_it", [*RAISED, ValueError("cleaning up failed")], ids=lambda each: type(each).__name__
)
async def test_our_own_cancellation_passes_whatever_foreign_code_makes_of_it(made_of_it: BaseException) -> None:
    """A stop would be taken for a failure, and the message for answered."""
    waiting = asyncio.Event()

    async def work() -> None:
        try:
            waiting.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise made_of_it from None

    task = asyncio.create_task(contained(work()))
    await waiting.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_thread_of_an_executor_is_contained_too() -> None:
    """A future cannot hold StopIteration: whoever awaited the thread would wait for ever."""

    def stop() -> None:
        raise StopIteration

    for function in (ends_itself, stop):
        with pytest.raises(ContainedError):
            await asyncio.to_thread(contained_call, function)


def test_a_task_that_foreign_code_made_itself_does_not_end_the_loop() -> None:
    """The arguments of a tool's ``asyncio.gather`` are tasks that nothing stands around."""

    async def part() -> None:
        ends_itself()

    async def tool() -> None:
        await asyncio.gather(part(), asyncio.sleep(0))

    async def main() -> str:
        asyncio.get_running_loop().call_soon(ends_itself)
        with pytest.raises(ContainedError, match="SystemExit"):
            await contained(tool())
        return "the host goes on"

    with asyncio.Runner() as runner:
        assert run_loop(main(), runner) == "the host goes on"
    with asyncio.Runner() as runner, pytest.raises(SystemExit):
        run_loop(part(), runner)  # what the host itself raises is no foreign code's


INTERRUPTED = """
import asyncio
from llmagent_os.adapter_kit.containment import contained

async def foreign():
    print("waits", flush=True)
    await asyncio.Event().wait()

async def main():
    try:
        await contained(foreign())
    finally:
        print("cleaned up", flush=True)

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_is_not_contained() -> None:
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout
        assert output is not None
        assert output.readline() == "waits\n"
        process.send_signal(signal.SIGINT)
        assert output.read() == "cleaned up\ninterrupted\n"
