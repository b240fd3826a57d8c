"""Golden tensors: what was computed compared with them, and the table that says how far it is off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from torch import Tensor

TOLERANCE = 1e-3  # of the largest reference value


@dataclass(frozen=True)
class Difference:
    """How far one computed tensor is from its reference."""

    stage: str
    name: str
    absolute: float
    relative: float
    passed: bool


class Golden:
    """The reference tensors, and the record of what was compared with them."""

    def __init__(self, tensors: dict[str, Tensor], limit: Callable[[str], float | None] = lambda _: None) -> None:
        """Take the reference, and what says a tensor's largest absolute difference (None: the usual, relative)."""
        self.tensors = tensors
        self._limit = limit
        self.differences: list[Difference] = []

    def compare(self, stage: str, name: str, computed: Tensor) -> None:
        """Compare one tensor, integers exactly, floats within the tolerance; one that the folder lacks is left out."""
        reference = self.tensors.get(name)
        if reference is None:
            return
        if computed.shape != reference.shape:
            misshapen = f"{name}: {tuple(computed.shape)} instead of {tuple(reference.shape)}"
            self.differences.append(Difference(stage, misshapen, float("inf"), float("inf"), False))
            return
        gap = (computed.double() - reference.double()).abs().max().item() if computed.numel() else 0.0
        scale = reference.double().abs().max().item() if computed.numel() else 0.0
        relative = gap / scale if scale else gap
        exact = not reference.is_floating_point()
        # A nan compares false with everything, so the test is written the way that nan fails.
        limit = 0.0 if exact else self._limit(name)
        passed = relative <= TOLERANCE if limit is None else gap <= limit
        self.differences.append(Difference(stage, name, gap, relative, passed))

    def not_compared(self) -> list[str]:
        """Name the reference tensors that nothing was compared with, inputs aside."""
        compared = {d.name for d in self.differences}
        return [name for name in self.tensors if name not in compared and not name.startswith("in.")]

    def check(self, stage: str, name: str, equal: bool) -> None:
        """Record something that is equal or not."""
        gap = 0.0 if equal else 1.0
        self.differences.append(Difference(stage, name, gap, gap, equal))


def report(differences: list[Difference]) -> int:
    """Print the worst difference of every stage and every failure; return the exit status."""
    table = Table("stage", "tensors", "max abs", "max rel", "worst", "")
    for stage in dict.fromkeys(d.stage for d in differences):
        of_stage = [d for d in differences if d.stage == stage]
        worst = max(of_stage, key=lambda d: (not d.passed, d.relative))
        passed = all(d.passed for d in of_stage)
        absolute = max(d.absolute for d in of_stage)
        figures = (f"{absolute:.2e}", f"{worst.relative:.2e}", worst.name, "ok" if passed else "FAILED")
        table.add_row(stage, str(len(of_stage)), *figures)
    Console(width=120).print(table)
    failed = [d for d in differences if not d.passed]
    for difference in failed:
        print(f"FAILED {difference.name}: off by {difference.absolute:.3g} ({difference.relative:.3g} of the maximum)")
    if not differences:
        print("nothing was compared: the folder holds none of the known tensors")
    return 1 if failed or not differences else 0
