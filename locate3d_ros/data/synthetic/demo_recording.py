"""The recording that ships with the package: the demo's room seen by a camera, and sentences about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from locate3d_ros.data.synthetic.camera_path import follow
from locate3d_ros.data.synthetic.demo_room import SEED, demo_path, demo_room
from locate3d_ros.data.synthetic.scene import Scene, SceneObject
from locate3d_ros.data.synthetic.scene_folder import kinect, write_json, write_scene
from locate3d_ros.errors import InputError

FRAMES = 30
EXPOSURE = 0.7  # walls are bright and not burnt out
# kind, sentence, name and colour of the thing it means ("" = any), name of what that stands on ("" = any)
SENTENCES = (
    ("class", "the teddy bear", "teddy bear", "", ""),
    ("class", "the refrigerator", "refrigerator", "", ""),
    ("attribute", "the blue chair", "chair", "blue", ""),
    ("attribute", "the red chair", "chair", "red", ""),
    ("relation", "the laptop on the desk", "laptop", "", "desk"),
    ("relation", "the plant on the table", "plant", "", "table"),
    ("absent", "a bicycle", "bicycle", "", ""),
    ("absent", "a bathtub", "bathtub", "", ""),
)


def write_demo(folder: Path, frames: int = FRAMES) -> Path:
    """Render the first `frames` of the demo's recording into a scene's folder (DESIGN 5.5); return its path.

    `sentences.json` in it lists what the demo asks.

    Raises InputError where Open3D or a furniture library is missing.
    """
    room = demo_room()
    poses = follow(demo_path(), FRAMES, np.random.default_rng(SEED))[:frames]
    write_scene(room, poses, folder, kinect(640, 480), EXPOSURE)
    write_json(folder / "sentences.json", sentences(room))
    return folder


def sentences(room: Scene) -> list[dict[str, Any]]:
    """Look up what each sentence of the demo means. Raises InputError where one does not mean exactly one thing."""
    found = []
    for kind, text, name, colour, support in SENTENCES:
        targets = [o.id for o in room.objects if o.name == name and colour in ("", o.colour) and _on(room, o, support)]
        if len(targets) != (0 if kind == "absent" else 1):
            raise InputError(f"demo sentence {text!r}: means {len(targets)} objects; change the sentence or the room")
        found.append({"kind": kind, "text": text, "target_ids": targets})
    return found


def _on(room: Scene, item: SceneObject, support: str) -> bool:
    return not support or (item.support > 0 and room.objects[item.support - 1].name == support)
