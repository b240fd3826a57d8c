"""`locate3d compress`: the same map in a fraction of the memory."""

from __future__ import annotations

import sys

from locate3d_ros.cli.arguments import CompressArguments
from locate3d_ros.cli.outputs import require_writable
from locate3d_ros.errors import InputError
from locate3d_ros.mapping.compression import Projections, compressed, fit_projections, kept_share
from locate3d_ros.mapping.map_file import load_any_map, save_map
from locate3d_ros.types import MapSnapshot


def run_compress(arguments: CompressArguments) -> None:
    """Fit projections or take another map's, and write the map. Raises InputError for wrong files."""
    require_writable("-o", arguments.output)
    whole = load_any_map(arguments.source)
    try:
        small = compressed(whole, _projections(arguments, whole))
    except InputError as error:
        raise InputError(f"{arguments.source}: {error}") from None
    save_map(small, arguments.output)
    slots = ", ".join(
        f"{name} {values.shape[1]} -> {small.features[name].shape[1]} channels ({kept_share(values, stored):.1%} kept)"
        for (name, values), stored in zip(whole.features.items(), small.features.values(), strict=True)
    )
    sys.stdout.write(f"{arguments.output}: {len(small)} voxels, {slots}\n")


def _projections(arguments: CompressArguments, whole: MapSnapshot) -> Projections:
    if arguments.like is None:
        return fit_projections(whole, arguments.factor)
    other = load_any_map(arguments.like)
    if not other.projections:
        raise InputError(f"--like {arguments.like}: is not compressed; give a file of `locate3d compress`")
    if (other.extractor, other.digest) != (whole.extractor, whole.digest):
        raise InputError(
            f"features of {whole.extractor!r}, but --like {arguments.like} has those of {other.extractor!r} or of "
            "other weights; give a map of the same features"
        )
    return other.projections
