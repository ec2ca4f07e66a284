"""Serve a site in a process of its own and ask it over HTTP: milliseconds, questions a second, resident memory."""

import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

from lookalike.errors import SourceError

CLIENTS = 16

_SERVE = "from lookalike.cli import main; main()"
_START_S = 120
_FORM = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="q"\r\n\r\n%s\r\n--b--\r\n'
FORM_HEADERS = {"Content-Type": "multipart/form-data; boundary=b"}


@dataclass(frozen=True)
class Answers:
    """Medians for one client in milliseconds, what `CLIENTS` at once are answered a second, the server's bytes."""

    query_ms: float
    decode_ms: float
    encode_ms: float
    queries_per_s: float
    resident_bytes: float


def ask(site: Path, photos: Sequence[Path]) -> Answers:
    """Ask a site by each photo: one client alone, then `CLIENTS` together, who share the machine with the server.

    Raises
    ------
    SourceError
        The server did not start, or could not answer.
    """
    bodies = [form_of(photo.read_bytes()) for photo in photos]
    with served(site) as (port, process):
        _ask_all(port, bodies[:1])
        took, steps = zip(*_ask_all(port, bodies), strict=True)
        with ThreadPoolExecutor(CLIENTS) as pool:
            shares = [bodies[number::CLIENTS] * 2 for number in range(CLIENTS)]
            list(pool.map(partial(_ask_all, port), shares))  # what comes with company is made only now
            started = time.perf_counter()
            answered = sum(map(len, pool.map(partial(_ask_all, port), shares)))
            seconds = time.perf_counter() - started
        decode_ms, encode_ms = (statistics.median(one[name] for one in steps) for name in ("decode", "encode"))
        return Answers(
            statistics.median(took), decode_ms, encode_ms, answered / seconds, float(resident_bytes(process.pid))
        )


def form_of(photo: bytes) -> bytes:
    """The body of a form that uploads a photo; `FORM_HEADERS` are its headers."""
    return _FORM % photo


def read_timing(header: str) -> dict[str, float]:
    """Read `Server-Timing`: milliseconds by step."""
    parts = (part.strip().partition(";dur=") for part in header.split(","))
    return {name: float(value) for name, _, value in parts}


def resident_bytes(pid: int) -> int:
    """Bytes of a process that are in memory, mapped files included."""
    status = Path(f"/proc/{pid}/status")
    if status.is_file():
        return 1024 * int(status.read_text(encoding="ascii").split("VmRSS:")[1].split()[0])
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True, text=True)
    return 1024 * int(told.stdout)


@contextmanager
def served(site: Path, *flags: str) -> Generator[tuple[int, subprocess.Popen[str]]]:
    """Serve a site by the command line in a process of its own; yields its port, once it answers, and the process.

    Raises
    ------
    SourceError
        It did not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [sys.executable, "-c", _SERVE, "serve", str(site), "--port", str(port), *flags]
    quiet = {**os.environ, "LOOKALIKE_LOG_LEVEL": "error"}  # nobody reads along
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=quiet) as process:
        try:
            until = time.monotonic() + _START_S
            while not _is_up(port):
                if process.poll() is not None or time.monotonic() > until:
                    process.kill()
                    raise SourceError(
                        "the server that was to be measured did not start",
                        where=str(site),
                        mend=f"It said: {process.communicate()[1].strip()[-500:]}",
                    )
                time.sleep(0.005)
            yield port, process
        finally:
            process.terminate()


def _is_up(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _ask_all(port: int, bodies: Sequence[bytes]) -> list[tuple[float, dict[str, float]]]:
    """Ask by each over one kept connection: milliseconds, and those of the server's steps."""
    answers: list[tuple[float, dict[str, float]]] = []
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    for body in bodies:
        started = time.perf_counter()
        connection.request("POST", "/v1/search?k=10", body, FORM_HEADERS)
        answer = connection.getresponse()
        text = answer.read()
        took = 1000 * (time.perf_counter() - started)
        if answer.status != 200:
            raise SourceError(
                f"the server that was measured answered {answer.status}",
                mend=f"It said: {text.decode(errors='replace')[:300]}",
            )
        answers.append((took, read_timing(answer.headers["Server-Timing"])))
    connection.close()
    return answers
