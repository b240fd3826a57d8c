"""Reads a data set folder: scenes/<id>/ and annotations/<split>.jsonl (docs/datasets.md)."""

from __future__ import annotations

from pathlib import Path

from locate3d_ros.data.annotations.grounded_expression import GroundedExpression, read_expressions
from locate3d_ros.data.scene_folder import OBJECTS, SceneFolder
from locate3d_ros.errors import InputError

OWN_SPLIT = "val"
"""The split of sentences that lie in their scenes' own folders."""

_OWN_ANNOTATIONS = "annotations.jsonl"
_MEND = "give a folder with scenes/<id>/ and annotations/<split>.jsonl, as `locate3d scenes generate` writes it"


class DatasetFolder:
    """Scenes and the sentences about them.

    The folder of one scene is a data set too. Where there is no annotations/, the files `annotations.jsonl` in the
    scenes' folders are the split OWN_SPLIT.
    """

    def __init__(self, path: Path | str) -> None:
        """Look which scenes there are. Raises InputError where there is none."""
        self.path = Path(path).expanduser()
        if not self.path.is_dir():
            raise InputError(f"{self.path}: no such folder; {_MEND}")
        alone = (self.path / OBJECTS).is_file()
        folders = [self.path.resolve()] if alone else sorted((self.path / "scenes").glob("*"))
        self._scenes = {folder.name: SceneFolder(folder) for folder in folders if (folder / OBJECTS).is_file()}
        if not self._scenes:
            raise InputError(f"{self.path}: holds no scenes/<id>/{OBJECTS}; {_MEND}")

    def scene_ids(self) -> list[str]:
        """Name all scenes, in order."""
        return list(self._scenes)

    def scene(self, scene_id: str) -> SceneFolder:
        """Return a scene. Raises InputError where the data set has none of this id."""
        if scene_id not in self._scenes:
            raise InputError(f"{self.path}: no scene {scene_id!r} in it; add it or leave out the sentences about it")
        return self._scenes[scene_id]

    def splits(self) -> list[str]:
        """Name the splits that there are sentences of, in order."""
        return sorted(self._annotations())

    def expressions(self, split: str) -> list[GroundedExpression]:
        """Read a split's sentences.

        Raises InputError where there is no such split, no sentence in it, a line is wrong, or a scene is missing.
        """
        annotations = self._annotations()
        if split not in annotations:
            known = ", ".join(sorted(annotations)) or "none: it has no sentences"
            raise InputError(f"{self.path}: no split {split!r}; there is {known}")
        expressions = [each for file in annotations[split] for each in read_expressions(file)]
        if not expressions:
            raise InputError(f"{annotations[split][0]}: no sentence in it; {_MEND}")
        for expression in expressions:
            self.scene(expression.scene_id)
        return expressions

    def _annotations(self) -> dict[str, list[Path]]:
        """Return the files of every split."""
        files = sorted((self.path / "annotations").glob("*.jsonl"))
        if files:
            return {file.stem: [file] for file in files}
        own = [scene.path / _OWN_ANNOTATIONS for scene in self._scenes.values()]
        own = [file for file in own if file.is_file()]
        return {OWN_SPLIT: own} if own else {}
