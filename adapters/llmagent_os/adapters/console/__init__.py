r"""Chat in the terminal.

.. code-block:: text

    › what do I have tomorrow?            a line is a message; /profile and the like are commands
    You have lunch with Ana at noon.      the reply appears as it is written
      1) Yes   2) No                      a number presses a button
    › +1                                  a reaction to the last reply: +1, -1, 👍, :tada:; again removes it
    › a line that ends in \               continues in the next line
    › ~/question.wav                      the path of a sound file is a voice message
    › /attach ~/plan.pdf learn this       a file, and what to do with it
    › /home/ana/plan.pdf                  the path of a file, as of one that is dropped here, sends it

The chat ends with the input: Ctrl-D, or the end of a pipe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmagent_os.adapter_kit.files import FOLDER, Files
from llmagent_os.adapters.console.adapter import ConsoleAdapter

if TYPE_CHECKING:
    from llmagent_os.adapter_kit.setup import AdapterSetup

__all__ = ["ConsoleAdapter", "from_setup"]


def from_setup(setup: AdapterSetup) -> ConsoleAdapter:
    """The terminal chat of an installation."""
    return ConsoleAdapter(
        title=setup.bot.title,
        examples=setup.bot.examples,
        files=Files(setup.data / FOLDER, int(setup.settings.max_file_megabytes * 1_000_000)),
        listens=setup.listens,
    )
