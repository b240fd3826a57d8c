"""Frames and features that the map refuses, and then is as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from mapping_scenes import empty_map, make_features, make_frame

from locate3d_ros.errors import InputError
from locate3d_ros.types import FrameFeatures


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"T_map_camera": torch.full((4, 4), float("nan")).double()}, "nan"),
        ({"T_map_camera": torch.eye(4).double() * 2}, "rigid"),
        ({"stamp": float("nan")}, "stamp"),
        ({"rgb": torch.zeros(18, 24, 3)}, "uint8"),
        ({"rgb": torch.zeros(9, 12, 3, dtype=torch.uint8)}, "12x9"),
        ({"depth": torch.ones(9, 12)}, "12x9"),
        ({"depth": torch.ones(18, 24, dtype=torch.int32)}, "float32"),
    ],
)
def test_unusable_frames_are_refused_and_change_nothing(changes, named):
    voxel_map = empty_map()
    with pytest.raises(InputError, match=named):
        voxel_map.add(make_frame(1, **changes))
    assert voxel_map.revision == 0


def tables_with(**changes):
    return FrameFeatures((replace(make_features(1).slots[0], **changes), make_features(1).slots[1]))


@pytest.mark.parametrize(
    ("features", "named"),
    [
        (tables_with(index=torch.zeros(9, 12, 4, dtype=torch.int32), weight=torch.zeros(9, 12, 4)), "match"),
        (tables_with(weight=torch.zeros(18, 24, 3)), "match"),
        (tables_with(index=torch.zeros(18, 24, 0, dtype=torch.int32), weight=torch.zeros(18, 24, 0)), "match"),
        (tables_with(index=torch.full((18, 24, 4), 7, dtype=torch.int32)), "index 7 of 7"),
        (tables_with(tokens=torch.zeros(7, 4)), "tokens"),
        (tables_with(tokens=torch.full((7, 5), float("nan"))), "nan"),
        (FrameFeatures(make_features(1).slots[:1]), "slots"),
    ],
)
def test_features_that_do_not_fit_are_refused_and_change_nothing(features, named):
    voxel_map = empty_map()
    with pytest.raises(InputError, match=named):
        voxel_map.add(make_frame(1), features)
    assert (voxel_map.revision, len(voxel_map)) == (0, 0)
