"""Starts kernels warm: forks them from a process that has imported, once, what notebooks import from others.

Such a kernel is a process of its own, with its own folder, environment and group. Nothing of the suite is imported
before the fork and no table is read, so a notebook finds what it finds in a kernel that starts cold. Not imported is
`matplotlib.pyplot`: it must find IPython running, or figures get lost without a word.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

#: what kernels have imported when they begin: what most notebooks import, and what takes long
READY = (
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "sqlite3",
    "numpy.random",
    "pandas",
    "matplotlib.backends.backend_svg",
    "matplotlib.dates",
    "matplotlib.figure",
    "matplotlib.style",
    "ml_dtypes",
    "scipy.optimize",
    "fastjsonschema",
    "mistune",
    "xml.etree.ElementTree",
)
#: figures without sliders, and nothing of what readers set up for themselves
OWN = {
    "DOJO_STATIC": "1",
    "MPLBACKEND": "agg",
    "MATPLOTLIBRC": str(Path(find_spec("matplotlib").origin).with_name("mpl-data")),
    "PYTHONSTARTUP": "",
    "PYTHONWARNINGS": "",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # the debugger that kernels bring along would warn of itself
}
#: letters of a request at most
MOST = 200_000
#: seconds until kernels must be ready to be forked
PATIENCE = 60


def environment() -> dict[str, str]:
    """What kernels find in their environment."""
    return {**os.environ, **OWN}


@dataclass
class Stock:
    """The process that kernels are forked from, and the line to it."""

    line: socket.socket
    #: its number
    process: int
    #: the environment that it has
    env: Mapping[str, str]
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def fork(self, connection_file: str, cwd: str, env: Mapping[str, str], keeper: IO[bytes]) -> int:
        """Fork a kernel, which tells its number to the keeper before it begins; returns the number."""
        changed = {name: value for name, value in env.items() if self.env.get(name) != value}
        request = json.dumps([connection_file, cwd, changed, [*self.env.keys() - env.keys()]]).encode()
        answer = await asyncio.to_thread(self._ask, request, keeper)
        if not answer:
            raise RuntimeError("the process that kernels are forked from does not answer")
        return int(answer)

    def serves(self) -> bool:
        """True while it is there, and owes no answer that somebody did not wait for."""
        return not select.select([self.line], [], [], 0)[0]

    def _ask(self, request: bytes, keeper: IO[bytes]) -> bytes:
        with self.lock:
            if keeper.closed:  # the build was stopped, and the number of the pipe may be another's by now
                return b""
            try:
                socket.send_fds(self.line, [request], [keeper.fileno()])
                return self.line.recv(64)
            except OSError:
                self.line.close()  # an answer that comes too late must not be taken for one to the next request
                return b""


@contextmanager
def stock() -> Iterator[Stock]:
    """Start the process that kernels are forked from; it ends with the context, or with the program."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "publish.warm"]
    env = environment()
    ours.settimeout(PATIENCE)
    with ours, subprocess.Popen(command, stdin=theirs, env=env, start_new_session=True) as process:
        theirs.close()
        try:
            yield Stock(ours, process.pid, env)
        finally:
            ours.close()


# --- in the process that kernels are forked from ---------------------------------------------------


def main() -> None:
    """Import what is in READY, then fork a kernel for each request, until nobody can ask any more."""
    if not sys.flags.safe_path:
        sys.path.pop(0)  # the folder of the builder, where a kernel has its own
    for name in READY:
        with suppress(ImportError):  # a notebook that needs it will say so
            import_module(name)
    tempfile.gettempdir()  # which tries a folder with a file; a kernel that is killed in doing so would leave it there
    gc.freeze()  # or the first collection in each kernel would write to, and so copy, all that they share
    if request := _asked(socket.socket(fileno=0)):
        _begin(*request)
    os._exit(0)  # freeing nothing of what it imported, which the builder would wait for


def _asked(line: socket.socket) -> tuple[list[Any], int] | None:
    """Serve; returns in the kernels alone, each with its request and the way to its keeper, and at the end."""
    signal.signal(signal.SIGCHLD, _bury)
    while True:
        said, handles, _, _ = socket.recv_fds(line, MOST, 1)
        if not said:
            return None
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # BLAS stops its threads to fork
            number = os.fork()
        if not number:
            line.detach()
            return json.loads(said), handles[0]
        os.close(handles[0])
        line.send(str(number).encode())


def _bury(*_: Any) -> None:
    """Take leave of kernels that ended: else they stay listed as running, and their time is counted to nobody."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _begin(request: list[Any], keeper: int) -> None:
    """Be a kernel: what a process of its own would have, then what ipykernel does."""
    from ipykernel.kernelapp import IPKernelApp

    connection_file, cwd, changed, gone = request
    os.setsid()
    os.write(keeper, f"{os.getpid()}\n".encode())
    os.close(keeper)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(cwd)
    os.environ.update(changed)
    for name in gone:
        os.environ.pop(name, None)
    sys.modules["numpy"].random.seed()  # as if drawn anew: kernels must not share their random numbers
    # by its parent a kernel notices that nobody needs it any more
    sys.argv = ["ipykernel_launcher", "-f", connection_file, f"--IPKernelApp.parent_handle={os.getppid()}"]
    IPKernelApp.launch_instance()
    threading._shutdown()  # what Python does at its end
    atexit._run_exitfuncs()


if __name__ == "__main__":
    main()
