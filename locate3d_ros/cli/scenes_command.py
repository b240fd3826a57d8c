"""`locate3d scenes`: make synthetic grounded scenes, and look at them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import track

from locate3d_ros.cli.outputs import require_writable
from locate3d_ros.cli.scenes_arguments import GenerateArguments, ScenesArguments, SheetArguments
from locate3d_ros.data.synthetic.contact_sheet import write_sheet
from locate3d_ros.data.synthetic.dataset import Done, generate
from locate3d_ros.data.synthetic.options import PRESETS, DatasetOptions, with_preset
from locate3d_ros.errors import InputError

_INTERVAL = 10.0  # seconds between two plain lines


def run_scenes(arguments: ScenesArguments) -> None:
    """Run one of the two. Raises InputError for wrong options, or where a scene could not be made."""
    if isinstance(arguments.action, SheetArguments):
        sheet = arguments.action
        require_writable("-o", sheet.output)
        shown = write_sheet(sheet.dataset, sheet.output, (sheet.scenes, sheet.columns), sheet.objects)
        sys.stdout.write(f"{sheet.output}: {shown} scenes\n")
    else:
        _generate(dataset_options(arguments.action))


def dataset_options(arguments: GenerateArguments) -> DatasetOptions:
    """Complete what the command line says by its preset. Raises InputError where nothing says how many scenes."""
    preset = PRESETS[arguments.preset] if arguments.preset else None
    count = arguments.count if arguments.count is not None else preset.count if preset else None
    if count is None:
        raise InputError("--count: missing; give -n N, or --preset NAME")
    seed = arguments.seed if arguments.seed is not None else preset.seed if preset else 0
    scenes = with_preset(arguments.scenes, preset.scenes) if preset else arguments.scenes
    return DatasetOptions(arguments.output, count, seed, arguments.workers, scenes)


def _generate(options: DatasetOptions) -> None:
    started = time.monotonic()
    done = list(_with_progress(options))
    failed = [scene for scene in done if scene.error]
    made = sum(scene.made for scene in done)
    sys.stdout.write(
        f"{options.folder}: {made} scenes made in {time.monotonic() - started:.0f} s, "
        f"{len(done) - made - len(failed)} were there, {len(failed)} failed\n"
    )
    if failed:
        names = "; ".join(f"{scene.scene_id}: {scene.error}" for scene in failed[:5])
        raise InputError(f"{options.folder}: {len(failed)} scenes failed ({names}); run the same command to try again")


def _with_progress(options: DatasetOptions) -> Iterator[Done]:
    """Make the scenes and tell how far it is: a bar on a terminal, plain lines otherwise."""
    if sys.stderr.isatty():
        console = Console(stderr=True)
        yield from track(generate(options), "scenes", total=options.count, console=console, transient=True)
        return
    told = time.monotonic()
    for number, scene in enumerate(generate(options), start=1):
        yield scene
        if time.monotonic() - told >= _INTERVAL:
            told = time.monotonic()
            sys.stderr.write(f"scenes: {number} of {options.count}\n")
