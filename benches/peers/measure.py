"""Runs commands and says what they cost: wall time, the largest process, whether they worked."""

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass


@dataclass
class Cost:
    """What a run of one or several commands at once has cost."""

    seconds: float = 0.0
    peak_bytes: int = 0
    error: str = ""


def run(commands, timeout, environment=None, stdout=os.devnull):
    """Runs all `commands` at once and waits for the last one. Each is a list of words.

    The peak is that of the largest process among them and their children, as the kernel counts it: mapped files count too.
    """
    started = time.monotonic()
    environment = {**os.environ, **(environment or {})}
    children, errors = [], []
    with open(stdout, "wb") as out:
        for words in commands:
            child = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, env=environment, start_new_session=True
            )
            lines = []
            # A pipe that nobody empties would stop a program that complains at length.
            reader = threading.Thread(target=lambda pipe=child.stderr, lines=lines: lines.extend(pipe), daemon=True)
            reader.start()
            children.append((child, lines, reader))
    timer = threading.Timer(timeout, lambda: [_kill(child) for child, _, _ in children])
    timer.start()
    peak = 0
    try:
        for child, lines, reader in children:
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            peak = max(peak, usage.ru_maxrss * 1024)
            reader.join(5)
            if child.returncode != 0:
                errors.append(f"exit code {child.returncode}: {_tail(lines)}")
    except BaseException:
        for child, _, _ in children:
            _kill(child)
        raise
    finally:
        seconds = time.monotonic() - started
        timed_out = not timer.is_alive()
        timer.cancel()
    if timed_out:
        errors.insert(0, f"not done after {timeout} s")
    return Cost(seconds, peak, "; ".join(errors))


def check(words, timeout=3600, environment=None, stdin=None, stdout=None):
    """Runs a command that only prepares something, and ends with its message when it fails. Returns what it prints."""
    environment = {**os.environ, **(environment or {})}
    target = stdout if stdout is not None else subprocess.PIPE
    done = subprocess.run(words, input=stdin, stdout=target, stderr=subprocess.PIPE, env=environment, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: exit code {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return "" if stdout is not None else done.stdout.decode(errors="replace")


def size(path):
    """The bytes of a file, or of all files below a directory."""
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


def _kill(child):
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _tail(lines):
    return b"".join(lines[-5:]).decode(errors="replace").strip()[-400:]
