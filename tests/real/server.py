"""An OpenAI-compatible server on loopback with real weights: SmolLM2 135M Instruct behind `transformers serve`."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 120


@dataclass(frozen=True)
class Server:
    """A running server.

    `model` is its name for Inspect, `environment` what Inspect needs to find it; the process ends with the context.
    """

    model: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """Let it die as a server dies midway."""
        self.process.kill()
        self.process.wait()


@contextmanager
def smollm2_server(folder: Path, *, port: int | None = None) -> Iterator[Server]:
    """Start the server, wait until it answers, and stop it in the end.

    Args:
        folder: for its log and its empty cache.
        port: by default a free one.
    """
    from emovec.models.embedded import INSTRUCT_MODEL, embedded_folder

    weights = embedded_folder(INSTRUCT_MODEL)
    port = port or free_port()
    (folder / "hub" / "hub").mkdir(parents=True, exist_ok=True)  # which the server lists before it answers
    command = [str(Path(sys.executable).with_name("transformers")), "serve", weights.name, "--port", str(port)]
    command += ["--host", "127.0.0.1", "--device", "cpu"]
    environment = os.environ | {
        **{"HF_HOME": str(folder / "hub"), "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""},
        **{"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"},
    }
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=weights.parent, env=environment, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process, folder / "server.log")
        yield Server(
            model=f"openai-api/local/{weights.name}",
            environment={"LOCAL_BASE_URL": f"http://127.0.0.1:{port}/v1", "LOCAL_API_KEY": "none-is-needed"},
            process=process,
        )
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")
