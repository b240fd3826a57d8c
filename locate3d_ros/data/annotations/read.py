"""Finds out what an annotation file is, and reads it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from locate3d_ros.data.annotations.annotation_set import AnnotationSet, WrongSample
from locate3d_ros.data.annotations.grounded_expression import GroundedExpression
from locate3d_ros.data.annotations.l3dd import SceneTable, read_sample
from locate3d_ros.data.annotations.referit3d import COLUMNS, counts_by_protocol, read_row
from locate3d_ros.data.annotations.sample import Sample, as_published, as_written
from locate3d_ros.data.json_files import object_of, read_json
from locate3d_ros.errors import InputError

_MEND = "give a file of L3DD, ScanRefer, ScanEnts3D (JSON), NR3D or SR3D (CSV)"


def read_annotations(*paths: Path, published: bool = False) -> AnnotationSet:
    """Read files of L3DD, ScanRefer, ScanEnts3D, NR3D or SR3D; which each is, its content says.

    published: in the form and by the selection of the published protocol, instead of as written. Samples that cannot be
    used are left out and listed with file and index. Raises InputError where a file as a whole is none of these.
    """
    table, wrong, left_out = SceneTable(), list[WrongSample](), 0
    expressions = list[GroundedExpression]()
    for path in paths:
        read, entries = _open(path)
        for index, entry in enumerate(entries):
            try:
                fields = object_of(entry, "the sample")
                sample = read(fields, table)
                expression = as_published(sample) if published else as_written(sample)
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
                wrong.append(WrongSample(str(path), index, " ".join(reason.split())))
                continue
            if published and not counts_by_protocol(fields):
                left_out += 1
            else:
                expressions.append(expression)
    boxes = {scene: tuple(found) for scene, found in table.boxes.items()}
    return AnnotationSet(tuple(expressions), table.scenes, tuple(wrong), left_out, boxes, table.names)


def _open(path: Path) -> tuple[Callable[..., Sample], Iterable[object]]:
    """Return what reads a sample of the file, and its samples. Raises InputError where it is no annotation file."""
    if path.suffix.lower() == ".csv":
        return read_row, _rows(path)
    content = read_json(path, _MEND)
    if not isinstance(content, list):
        raise InputError(f"{path}: not a list of samples; {_MEND}")
    if content and not any(isinstance(one, Mapping) and {"scene_id", "description"} <= one.keys() for one in content):
        raise InputError(f"{path}: its samples have no scene_id and description; {_MEND}")
    return read_sample, content


def _rows(path: Path) -> list[object]:
    """Read the rows of a CSV file, a value or None for each column. Raises InputError where it is none of ReferIt3D."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {_MEND}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file; {_MEND}") from None
    try:
        table = csv.DictReader(io.StringIO(text, newline=""), strict=False)
        columns = set(table.fieldnames or ())
        if not columns >= COLUMNS:
            raise InputError(f"{path}: has no column {sorted(COLUMNS - columns)[0]}; {_MEND}")
        return [{key: value or "" for key, value in row.items() if key} for row in table]
    except csv.Error as error:
        raise InputError(f"{path}: no CSV ({error}); {_MEND}") from None
