"""Starts the processes of a world quickly: a process that has imported everything forks them.

    with Nursery(folder) as nursery:
        pid = nursery.start("dramatiq", [...arguments], environment, output)
        ...
        nursery.ended[pid]      # its exit code, once it has ended

What runs in the fork is the program's own main, in a process group and with an environment of its own.
"""

import json
import os
import queue
import select
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Nursery:
    """The harness's end. ``ended``: {pid: exit code, negative for a signal}."""

    def __enter__(self) -> "Nursery":
        self.ended: dict[int, int] = {}
        self._born: queue.Queue[int] = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def start(
        self, program: str, arguments: Sequence[str], environment: Mapping[str, str], output: Path
    ) -> int:
        order = {
            "program": program,
            "arguments": arguments,
            "environment": environment,
            "output": str(output),
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._born.get(timeout=30)

    def _read(self) -> None:
        for line in self._process.stdout:
            word, pid, *code = line.split()
            if word == "born":
                self._born.put(int(pid))
            else:
                self.ended[int(pid)] = int(code[0])


def _dramatiq(arguments: Sequence[str]) -> int:
    from dramatiq import cli

    return cli.main(cli.make_argument_parser().parse_args(arguments))


def _oracle(arguments: Sequence[str]) -> int:
    from tests.chaos import oracle

    oracle.main(*arguments)
    return 0


def _scheduler(arguments: Sequence[str]) -> int:
    from quizmail.cli import main

    sys.argv = ["quizmail", "scheduler", *arguments]
    main()
    return 0


PROGRAMS = {"dramatiq": _dramatiq, "oracle": _oracle, "scheduler": _scheduler}


def _fork(order: Mapping[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setpgid(0, 0)
        os.environ.clear()
        os.environ.update(order["environment"])
        output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        silence = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((silence, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        code = PROGRAMS[order["program"]](order["arguments"])
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code & 0xFF)


def _import_everything() -> None:
    import psycopg_pool  # noqa: F401
    import trustme  # noqa: F401
    from dramatiq import cli  # noqa: F401

    import quizmail.actors
    import quizmail.cli  # noqa: F401
    from tests.chaos import oracle  # noqa: F401


def main() -> None:
    """Fork what standard input orders, and say on standard output who was born and who has ended."""
    _import_everything()
    while True:
        if select.select([sys.stdin], [], [], 0.03)[0]:
            line = sys.stdin.readline()
            if not line:
                return
            print("born", _fork(json.loads(line)), flush=True)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            print("ended", pid, os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
