"""Keeps a kernel: when its run ends, in whatever way, the kernel ends with all that it started, and its files go.

A program that is killed can tidy nothing, and a kernel in the midst of one long call notices nothing. So a third
process waits at a pipe, which closes when the builder ends.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import psutil
import zmq
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.provisioning import LocalProvisioner

from publish.warm import Stock, environment

#: bytes a notebook may show, all cells together; a page of this suite shows a fiftieth of it
FLOOD = 20_000_000
#: where kernels put their sockets; the path of a socket may have about a hundred letters
SOCKETS = "/tmp" if len(tempfile.gettempdir()) > 40 and os.path.isdir("/tmp") else tempfile.gettempdir()
#: the keeper: makes the folder of the kernel and tells its name, to a builder who may be gone by then; waits for the
#: number of the kernel, then for the end of the builder; what the kernel wrote as it died, rm meets at a second try
KEEP = """
trap "" PIPE
folder=$(mktemp -d "$0/dojo-XXXXXXXX") || exit
printf %s "$folder"
exec >/dev/null
read -r kernel
read -r end
kill -s KILL -- "-$kernel"
for try in 1 2 3 4 5 6 7 8 9; do rm -rf -- "$folder" && break; sleep 0.1; done
"""
#: a kernel tells the keeper its number before it begins, so that none begins unseen
BEGIN = 'echo $$ >&0; exec "$@" </dev/null'


class Kernel(AsyncKernelManager):
    """A kernel of this Python with a keeper, whatever kernels and settings a reader has."""

    def __init__(self, folder: str, keeper: IO[bytes], stock: Stock | None = None) -> None:
        super().__init__(
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            # sockets in files instead of ports: no two kernels race for one, nothing listens on a network
            transport="ipc",
            ip=f"{folder}/kernel",
            connection_file=f"{folder}/kernel.json",
            # seconds, half of them before it is asked to end less kindly: where a cell started processes, ipykernel
            # waits for the last of them to let go of its output, which joblib's never does
            shutdown_wait_time=1,
        )
        self.launch: dict[str, Any] = {"env": {**environment(), "IPYTHONDIR": folder}, "stdin": keeper}
        self.stock = stock

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """The command that starts the kernel."""
        return ["/bin/sh", "-c", BEGIN, "sh", *super().format_kernel_cmd(extra_arguments)]

    def client(self, **options: Any) -> AsyncKernelClient:
        """A connection to the kernel that takes in no message larger than FLOOD."""
        client = super().client(**options)
        client.context.setsockopt(zmq.MAXMSGSIZE, FLOOD)
        return client

    async def start_kernel(self, **options: Any) -> None:
        """Start the kernel."""
        if self.stock:
            self.provisioner = Forked(self.stock, kernel_spec=self.kernel_spec, parent=self)
        await super().start_kernel(**self.launch, **options)


class Forked(LocalProvisioner):
    """Has kernels forked, where Jupyter's own way starts a program."""

    def __init__(self, stock: Stock, **options: Any) -> None:
        super().__init__(**options)
        self.stock = stock

    async def launch_kernel(self, cmd: list[str], **options: Any) -> dict[str, Any]:
        """Fork a kernel; the command is not needed."""
        asked = (self.parent.connection_file, options["cwd"], options["env"], options["stdin"])
        self.pid = self.pgid = await self.stock.fork(*asked)
        try:
            self.process = _Process(self.pid)
        except psutil.NoSuchProcess:
            raise RuntimeError("the kernel died as it began") from None
        return self.connection_info


class _Process(psutil.Process):
    """A process that somebody else started, with what Jupyter asks of one that it started itself."""

    stdin = stdout = stderr = None

    def poll(self) -> int | None:
        with suppress(psutil.NoSuchProcess):
            if self.is_running() and self.status() != psutil.STATUS_ZOMBIE:
                return None
        return 0

    def send_signal(self, sig: int) -> None:
        with suppress(psutil.NoSuchProcess):
            super().send_signal(sig)


@contextmanager
def kernel(stock: Stock | None = None) -> Iterator[Kernel]:
    """A kernel, not yet started, to be forked where there is a stock; at the end waits until it is gone.

    Raises OSError where its folder cannot be made.
    """
    with subprocess.Popen(
        ["/bin/sh", "-c", KEEP, SOCKETS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in the terminal ends the builder, not who tidies up after it
    ) as keeper:
        folder = os.fsdecode(keeper.stdout.read())
        if not folder:
            raise OSError(f"nothing can be written to {SOCKETS}, where a kernel needs a folder")
        yield Kernel(folder, keeper.stdin, stock)
