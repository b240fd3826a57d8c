"""Which objects a scan of a data set holds, and where (docs/datasets.md)."""

from locate3d_ros.data.ground_truth.arkitscenes import read_arkitscenes_objects
from locate3d_ros.data.ground_truth.scannet import read_scannet_objects
from locate3d_ros.data.ground_truth.scannetpp import read_scannetpp_objects
from locate3d_ros.data.ground_truth.scene_objects import SceneObjects, TruthObject

__all__ = [
    "SceneObjects",
    "TruthObject",
    "read_arkitscenes_objects",
    "read_scannet_objects",
    "read_scannetpp_objects",
]
