"""Stands for a process that :mod:`tests.warm_python` forks: has its arguments, its streams, its signals and its end.

It runs without the standard library's ``site``, and imports little: a start takes some hundredths of a second.
"""

import array
import json
import os
import signal
import socket
import sys

#: Programs that limit their own memory and files, or are given more than the three streams: they are started plainly.
PLAIN = ("llmagent_os.knowledge.reading", "llmagent_os.tools.isolation.plugin_child")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(folder: str, *program: str) -> None:
    """Run ``program`` with the arguments of this process in one that is forked in ``folder``, and end as it does."""
    if not program and any(name in PLAIN for name in sys.argv):
        os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
    given = {
        "arguments": [*program, *sys.argv[1:]],
        "environment": dict(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109  pathlib takes long to import
        "executable": folder + "/python",
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.connect(folder + "/socket")
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda number, _frame: server.send(bytes((number,))) and None)
        streams = socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", (0, 1, 2))
        server.sendmsg([json.dumps(given).encode()], [streams])
        server.recv(1)  # the process has the streams
        os.closerange(0, 3)  # whoever reads them is told the end by the process alone
        status = int(server.recv(16) or b"9")
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) != signal.SIGKILL:  # no program can handle this one
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))
