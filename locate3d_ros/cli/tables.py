"""Tables on stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 160  # columns where there is no terminal to ask


def print_plain_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table to stdout, as wide as the terminal."""
    table = Table(title=title, title_justify="left")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
    # Not printed by rich itself, which exits with status 1 where the reader of a pipe has gone.
    with console.capture() as printed:
        console.print(table)
    sys.stdout.write(printed.get())
