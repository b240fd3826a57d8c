"""ReferIt3D: NR3D and SR3D (CSV), and NR3D with the entities of ScanEnts3D."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from locate3d_ros.data.annotations.annotation_set import SceneSource
from locate3d_ros.data.annotations.l3dd import SceneTable, read_sample
from locate3d_ros.data.annotations.sample import Entity, Sample, find_words
from locate3d_ros.data.json_files import list_of, text_of, whole_number
from locate3d_ros.data.object_ids import object_id

COLUMNS = {"scan_id", "target_id", "utterance", "instance_type"}
_EASY = 2  # objects of the target's class in the scene: with more, ReferIt3D calls a sentence hard


def read_row(row: Mapping[str, str], table: SceneTable) -> Sample:
    """Read one row and note its scene. Raises KeyError or ValueError where it cannot be used."""
    if row.get("entities"):
        entry = {
            "object_id": row["target_id"],
            "description": row["utterance"],
            "token": literal(row["tokens"], "tokens"),
            "entities": literal(row["entities"], "entities"),
            "scene_id": row["scan_id"],
        }
        found = read_sample(entry, table)
        return Sample(found.tokens, found.entities, found.target_id, found.scene_id, _kind(row))
    scan = text_of(row["scan_id"], "scan_id")
    tokens = tuple(text_of(row["utterance"], "utterance").split())
    target = object_id("scannet", whole_number(row["target_id"], "target_id"))
    entities = _entities(row, tokens, target)
    table.scenes[scan] = SceneSource("scannet", scan)
    return Sample(tokens, entities, target, scan, _kind(row))


def counts_by_protocol(sample: Mapping[str, object]) -> bool:
    """Whether the field's evaluations count a row: its class is named, and the person who read it found the object.

    Samples of other data sets do not have these columns and count.
    """
    columns = ("mentions_target_class", "correct_guess")
    return all(str(sample.get(column, "True")).strip().lower() != "false" for column in columns)


def literal(text: str, what: str) -> object:
    """Read a Python list as these files hold them. Raises ValueError, which names it, where it is none."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"{what} is no list") from None


def _entities(row: Mapping[str, str], tokens: tuple[str, ...], target: int) -> tuple[Entity, ...]:
    """Find the words of the target's class, and behind them, in SR3D's templates, those of its anchors."""
    words = find_words(tokens, row["instance_type"])
    entities = [Entity(words, (target,))] if words else []
    if not row.get("anchor_ids"):
        return tuple(entities)
    numbers = list_of(literal(row["anchor_ids"], "anchor_ids"), "anchor_ids")
    names = list_of(literal(row["anchors_types"], "anchors_types"), "anchors_types")
    if len(numbers) != len(names):
        raise ValueError(f"{len(numbers)} anchor_ids, {len(names)} anchors_types")
    start = max(words, default=-1) + 1
    for number, name in zip(numbers, names, strict=True):
        anchor = object_id("scannet", whole_number(number, "an anchor"))
        words = find_words(tokens, text_of(name, "an anchor's type"), start)
        if words:
            entities.append(Entity(words, (anchor,)))
            start = max(words) + 1
    return tuple(entities)


def _kind(row: Mapping[str, str]) -> str:
    """SR3D's coarse type of relation; of NR3D easy or hard, by the count in `stimulus_id` (scan-class-count-…)."""
    if row.get("coarse_reference_type"):
        return row["coarse_reference_type"].strip().lower()
    parts = row.get("stimulus_id", "").split("-")
    if len(parts) > 2 and parts[2].isdecimal():
        return "easy" if int(parts[2]) <= _EASY else "hard"
    return "description"
