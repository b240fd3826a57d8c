"""Entry point of the `locate3d` command: dispatch and exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from locate3d_ros.errors import InputError

WRONG_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count
READER_GONE = 141  # 128 + SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    0: done, also where an object was not found. 2: wrong input, one line on stderr. 130: interrupted.
    Any other exception is a defect of ours: Python prints it and exits with 1.
    """
    try:
        try:
            _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            sys.stdout.flush()
    except InputError as error:
        # The class promises one line, but a library's reason inside it may not know that.
        sys.stderr.write(f"locate3d: {' '.join(str(error).split())}\n")
        return WRONG_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("locate3d: interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        # `locate3d … | head`: nobody reads on. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    return 0


def _run(arguments: Sequence[str]) -> None:
    """Parse, then import the command: help and wrong options need no torch, and an interrupt is caught early.

    XArguments are run by `run_x` of the module `x_command`.
    """
    from locate3d_ros.cli.arguments import parse

    parsed = parse(arguments)
    name = type(parsed).__name__.removesuffix("Arguments").lower()
    getattr(import_module(f"locate3d_ros.cli.{name}_command"), f"run_{name}")(parsed)
