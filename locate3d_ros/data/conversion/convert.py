"""From annotation files and scans to a data set folder; what is there already is kept, what fails costs only itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from locate3d_ros.data.annotations.annotation_set import AnnotationSet
from locate3d_ros.data.annotations.grounded_expression import GroundedExpression, Span, write_expressions
from locate3d_ros.data.annotations.read import read_annotations
from locate3d_ros.data.conversion.scans import Roots, open_scan, read_objects
from locate3d_ros.data.conversion.scene_writer import ABOUT, write_scene
from locate3d_ros.data.json_files import list_of, object_of, read_json, whole_number
from locate3d_ros.errors import InputError


@dataclass(frozen=True)
class ConvertRequest:
    """What is to be converted, and how."""

    annotations: Sequence[Path]
    output: Path
    roots: Roots
    split: str = "val"
    as_written: bool = False
    frame_step: int = 30


@dataclass(frozen=True)
class ConvertReport:
    """What became of it."""

    scenes: int
    kept: int  # of them: there already
    expressions: int
    faults: tuple[str, ...]  # one line each: samples and scenes that could not be used
    left_out: int  # sentences that the protocol does not count
    lost: int  # sentences whose scene or target is missing


def convert(request: ConvertRequest, tell: Callable[[str], None]) -> ConvertReport:
    """Write scenes/ and annotations/<split>.jsonl; `tell` gets a line per scene.

    Raises InputError where an annotation file is foreign, or where not one scene could be had.
    """
    annotations = read_annotations(*request.annotations, published=not request.as_written)
    faults = [str(wrong) for wrong in annotations.wrong]
    objects, kept = dict[str, frozenset[int]](), 0
    for scene_id in sorted(annotations.scenes):
        folder = request.output / "scenes" / scene_id
        try:
            if (folder / ABOUT).is_file():
                kept += 1
            else:
                tell(f"{scene_id}: {_write(folder, annotations, request)}")
            objects[scene_id] = _ids(folder / "objects.json")
        except InputError as error:
            faults.append(f"{scene_id}: {error}")
            tell(f"{scene_id}: left out")
    if not objects:
        raise InputError(f"no scene could be converted; {faults[0] if faults else 'the files hold no sample'}")
    expressions = [one for one in annotations.expressions if _is_there(one, objects)]
    file = request.output / "annotations" / f"{request.split}.jsonl"
    file.parent.mkdir(exist_ok=True)
    write_expressions(file, [_about_known_objects(one, objects[one.scene_id]) for one in expressions])
    lost = len(annotations.expressions) - len(expressions)
    return ConvertReport(len(objects), kept, len(expressions), tuple(faults), annotations.left_out, lost)


def _write(folder: Path, annotations: AnnotationSet, request: ConvertRequest) -> str:
    """Write a scene and say how many frames it has got."""
    source = annotations.scenes[folder.name]
    scene = read_objects(source, folder.name, request.roots, annotations)
    recording = open_scan(source, request.roots, request.frame_step)
    write_scene(folder, source, recording, scene)
    skipped = recording.skipped
    faulty = f", {len(skipped)} left out ({skipped[0].file}: {skipped[0].reason})" if skipped else ""
    return f"{len(recording)} frames{faulty}"


def _ids(path: Path) -> frozenset[int]:
    mend = "remove the scene's folder and convert again"
    try:
        entries = list_of(read_json(path, mend), "the file")
        return frozenset(whole_number(object_of(entry, "an object")["id"], "id") for entry in entries)
    except (KeyError, ValueError) as error:
        raise InputError(f"{path}: {error}; {mend}") from None


def _is_there(expression: GroundedExpression, objects: Mapping[str, frozenset[int]]) -> bool:
    return set(expression.target_ids) <= objects.get(expression.scene_id, frozenset())


def _about_known_objects(expression: GroundedExpression, known: frozenset[int]) -> GroundedExpression:
    """Take out what spans say of objects that the scan does not hold; the words stay."""
    spans = []
    for span in expression.spans:
        ids = tuple(number for number in span.object_ids if number in known)
        if ids:
            spans.append(Span(span.tokens, ids))
    return replace(expression, spans=tuple(spans))
