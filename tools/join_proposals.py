"""Join trained proposal decoders, as of several seeds, into one model whose members' answers are averaged.

python tools/join_proposals.py OUT MODEL MODEL …
"""

from __future__ import annotations

import sys
from pathlib import Path

from locate3d_ros.errors import InputError
from locate3d_ros.model.proposal_checkpoint import load_proposal_checkpoint, save_proposal_checkpoint
from locate3d_ros.model.proposal_ensemble import ProposalEnsemble


def main(out: Path, models: list[Path]) -> None:
    """Write a folder with the decoders of all models. Raises InputError where they were trained on other features."""
    loaded = [load_proposal_checkpoint(path) for path in models]
    for path, each in zip(models, loaded, strict=True):
        if each.trained_on != loaded[0].trained_on:
            raise InputError(f"{path}: trained on other features than {models[0]}; join models of the same maps")
    members = [member for each in loaded for member in each.members]
    save_proposal_checkpoint(out, ProposalEnsemble(members), loaded[0].trained_on)
    sys.stdout.write(f"{out}: {len(members)} decoders\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(path) for path in sys.argv[2:]])
