"""Small recordings in the formats of the field's data sets, from poses and cameras that the tests know."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from recording_writers import jpeg, png
from scipy.spatial.transform import Rotation

MARK = (255, 0, 0)


def pose(x: float, tilt: float = 0.3) -> np.ndarray:
    """T_world_camera of a camera at (x, 2, 1.5) that looks along world y, tilted down; image up is about world z."""
    T = np.eye(4)
    level = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # columns: right, down, forward of the image
    T[:3, :3] = level @ Rotation.from_euler("x", -tilt).as_matrix()
    T[:3, 3] = (x, 2.0, 1.5)
    return T


def marked(width: int, height: int, u: int, v: int) -> np.ndarray:
    """A grey image with one red pixel."""
    image = np.full((height, width, 3), 90, np.uint8)
    image[v, u] = MARK
    return image


def wall(width: int, height: int, millimetres: int = 2000) -> np.ndarray:
    depth = np.full((height, width), millimetres, np.uint16)
    depth[0, 0] = 0
    return depth


def matrix(fx: float, fy: float, cx: float, cy: float, size: int = 4) -> np.ndarray:
    K = np.eye(size)
    K[0, 0], K[1, 1], K[0, 2], K[1, 2] = fx, fy, cx, cy
    return K


def rows(T: np.ndarray) -> str:
    return "\n".join(" ".join(f"{value:.12f}" for value in row) for row in T) + "\n"


# --- ScanNet: 64x48 colour, 32x24 depth -------------------------------------------------------------------------------
COLOR_K, DEPTH_K = matrix(58.0, 59.0, 31.5, 23.5), matrix(28.0, 28.5, 15.5, 11.5)


def sens_frame(T: np.ndarray, color: bytes, depth: np.ndarray, packed: bytes | None = None) -> bytes:
    packed = zlib.compress(depth.astype("<u2").tobytes()) if packed is None else packed
    head = struct.pack("<16f4Q", *T.ravel(), 1000, 1001, len(color), len(packed))
    return head + color + packed


def write_sens(
    path: Path, poses: Sequence[np.ndarray], *, version: int = 4, color_form: int = 2, depth_form: int = 1,
    extrinsics: np.ndarray | None = None, count: int | None = None,
) -> Path:  # fmt: skip
    """The stream of ScanNet's SensReader: version, name, four matrices, form, frames, no IMU samples."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = b"StructureSensor"
    eye = np.eye(4) if extrinsics is None else extrinsics
    head = struct.pack("<IQ", version, len(name)) + name
    for one in (COLOR_K, eye, DEPTH_K, np.eye(4)):
        head += one.astype("<f4").tobytes()
    head += struct.pack(
        "<iiIIIIfQ", color_form, depth_form, 64, 48, 32, 24, 1000.0, len(poses) if count is None else count
    )
    image = marked(64, 48, 10, 20)
    color = jpeg(image) if color_form == 2 else png(image)
    depth = wall(32, 24)
    raw = depth.astype("<u2").tobytes() if depth_form == 0 else None
    body = b"".join(sens_frame(T, color, depth, raw) for T in poses)
    path.write_bytes(head + body + struct.pack("<Q", 0))
    return path


def write_scannet_folder(folder: Path, poses: Sequence[np.ndarray]) -> Path:
    """What SensReader extracts: color/0.jpg, depth/0.png, pose/0.txt, intrinsic/."""
    for part in ("color", "depth", "pose", "intrinsic"):
        (folder / part).mkdir(parents=True)
    for n, T in enumerate(poses):
        (folder / f"color/{n}.jpg").write_bytes(jpeg(marked(64, 48, 10, 20)))
        (folder / f"depth/{n}.png").write_bytes(png(wall(32, 24)))
        (folder / f"pose/{n}.txt").write_text(rows(T))
    for name, K in (("intrinsic_color", COLOR_K), ("intrinsic_depth", DEPTH_K)):
        (folder / f"intrinsic/{name}.txt").write_text(rows(K))
    return folder


def write_posed_images(folder: Path, poses: Sequence[np.ndarray]) -> Path:
    """00000.jpg, 00000.png, 00000.txt beside intrinsic.txt."""
    folder.mkdir(parents=True)
    for n, T in enumerate(poses):
        (folder / f"{n:05d}.jpg").write_bytes(jpeg(marked(64, 48, 10, 20)))
        (folder / f"{n:05d}.png").write_bytes(png(wall(32, 24)))
        (folder / f"{n:05d}.txt").write_text(rows(T))
    (folder / "intrinsic.txt").write_text(rows(COLOR_K))
    return folder


def write_scan_text(path: Path, alignment: np.ndarray) -> None:
    numbers = " ".join(f"{value:.6f}" for value in alignment.ravel())
    path.write_text(f"axisAlignment = {numbers} \ncolorHeight = 48\nsceneType = Bedroom / Hotel\n")


# --- ScanNet++: 1920x1440 video, 256x192 depth ------------------------------------------------------------------------
PHONE_K = matrix(1440.0, 1442.0, 960.0, 720.0, size=3)
LENS = (0.04, -0.05, 0.001, -0.002)


def write_scannetpp(
    folder: Path, poses: Sequence[np.ndarray], kinds: Sequence[str] = ("arkit",), step: int = 10
) -> Path:
    """iphone/rgb, iphone/depth as the toolkit extracts them, and poses of these kinds, which say the same."""
    phone = folder / "iphone"
    for part in ("rgb", "depth"):
        (phone / part).mkdir(parents=True)
    names = [f"frame_{n * step:06d}" for n in range(len(poses))]
    for name in names:
        (phone / f"rgb/{name}.jpg").write_bytes(jpeg(np.full((1440, 1920, 3), 90, np.uint8)))
        (phone / f"depth/{name}.png").write_bytes(png(wall(256, 192)))
    writers = {"arkit": _write_arkit_poses, "colmap": _write_colmap, "nerfstudio": _write_nerfstudio}
    for kind in kinds:
        writers[kind](phone, names, poses)
    return folder


def _write_arkit_poses(phone: Path, names: Sequence[str], poses: Sequence[np.ndarray]) -> None:
    entries = {
        name: {
            "timestamp": 100.0 + n,
            "pose": np.eye(4).tolist(),
            "aligned_pose": T.tolist(),
            "intrinsic": PHONE_K.tolist(),
        }
        for n, (name, T) in enumerate(zip(names, poses, strict=True))
    }
    (phone / "pose_intrinsic_imu.json").write_text(json.dumps(entries))


def _write_colmap(phone: Path, names: Sequence[str], poses: Sequence[np.ndarray]) -> None:
    (phone / "colmap").mkdir()
    lens = " ".join(map(str, (1440.0, 1442.0, 960.5, 720.5, *LENS)))
    (phone / "colmap/cameras.txt").write_text(f"# cameras\n1 OPENCV 1920 1440 {lens}\n")
    lines = ["# images", "#   POINTS2D[] as (X, Y, POINT3D_ID)"]
    # Later images first: the order in the file says nothing.
    for n, (name, T) in reversed(list(enumerate(zip(names, poses, strict=True), start=1))):
        w2c = np.linalg.inv(T)
        qx, qy, qz, qw = Rotation.from_matrix(w2c[:3, :3]).as_quat()
        numbers = " ".join(f"{value:.15f}" for value in (qw, qx, qy, qz, *w2c[:3, 3]))
        lines += [f"{n} {numbers} 1 video/{name}.jpg", "10.5 20.5 -1 30.5 40.5 7"]
    (phone / "colmap/images.txt").write_text("\n".join(lines) + "\n")


def _write_nerfstudio(phone: Path, names: Sequence[str], poses: Sequence[np.ndarray]) -> None:
    (phone / "nerfstudio").mkdir()
    frames = []
    for name, T in zip(names, poses, strict=True):
        c2w = T.copy()
        c2w[0:3, 1:3] *= -1  # camera: y up, looking along -z
        c2w = c2w[[1, 0, 2, 3]]  # world: x and y exchanged …
        c2w[2] *= -1  # … and z turned round
        frames.append({"file_path": f"{name}.jpg", "transform_matrix": c2w.tolist()})
    camera = {"fl_x": 1440.0, "fl_y": 1442.0, "cx": 960.5, "cy": 720.5, "w": 1920, "h": 1440, "camera_model": "OPENCV"}
    lens = dict(zip(("k1", "k2", "p1", "p2"), LENS, strict=True))
    content = {**camera, **lens, "frames": frames[:-1], "test_frames": frames[-1:]}
    (phone / "nerfstudio/transforms.json").write_text(json.dumps(content))


# --- ARKitScenes: 256x192, sideways or not ----------------------------------------------------------------------------
PINCAM = (256, 192, 212.0, 213.0, 127.0, 95.0)
VIDEO = "42444949"


def write_arkitscenes(
    folder: Path, stamps: Sequence[float], track: dict[float, np.ndarray], mark: tuple[int, int]
) -> Path:
    """lowres_wide, lowres_depth, lowres_wide_intrinsics; the track is world to camera, axis-angle and translation."""
    for part in ("lowres_wide", "lowres_depth", "lowres_wide_intrinsics"):
        (folder / part).mkdir(parents=True)
    for stamp in stamps:
        name = f"{VIDEO}_{stamp:.3f}"
        (folder / f"lowres_wide/{name}.png").write_bytes(png(marked(256, 192, *mark)))
        (folder / f"lowres_depth/{name}.png").write_bytes(png(wall(256, 192)))
        pincam = folder / f"lowres_wide_intrinsics/{VIDEO}_{stamp + 0.001:.3f}.pincam"
        pincam.write_text(" ".join(map(str, PINCAM)))
    lines = []
    for stamp, T in track.items():
        w2c = np.linalg.inv(T)
        values = (*Rotation.from_matrix(w2c[:3, :3]).as_rotvec(), *w2c[:3, 3])
        lines.append(" ".join(f"{value:.12f}" for value in (stamp, *values)))
    (folder / "lowres_wide.traj").write_text("\n".join(lines) + "\n")
    return folder


# --- Replica, as NICE-SLAM has it -------------------------------------------------------------------------------------
REPLICA = {"w": 64, "h": 48, "fx": 60.0, "fy": 61.0, "cx": 31.5, "cy": 23.5, "scale": 6553.5}


def write_replica(folder: Path, poses: Sequence[np.ndarray], camera: dict[str, float] | None = None) -> Path:
    """results/frame000000.jpg, results/depth000000.png, traj.txt; cam_params.json lies above, for all scenes."""
    (folder / "results").mkdir(parents=True)
    for n in range(len(poses)):
        (folder / f"results/frame{n:06d}.jpg").write_bytes(jpeg(np.full((48, 64, 3), 90, np.uint8)))
        (folder / f"results/depth{n:06d}.png").write_bytes(png(np.full((48, 64), 13107, np.uint16)))
    (folder / "traj.txt").write_text("\n".join(" ".join(f"{v:.18e}" for v in T.ravel()) for T in poses) + "\n")
    (folder.parent / "cam_params.json").write_text(json.dumps({"camera": REPLICA if camera is None else camera}))
    return folder


# --- Ground truth -----------------------------------------------------------------------------------------------------
def ply(points: np.ndarray, form: str = "binary_little_endian", faces: int = 1) -> bytes:
    """A mesh as the data sets have it: float positions, colours, then faces, which no reader of vertices needs."""
    lines = ["ply", f"format {form} 1.0", "comment made for a test", f"element vertex {len(points)}"]
    lines += [f"property float {axis}" for axis in "xyz"] + [f"property uchar {c}" for c in ("red", "green", "blue")]
    lines += [f"element face {faces}", "property list uchar int vertex_indices", "end_header"]
    head = ("\n".join(lines) + "\n").encode()
    if form == "ascii":
        body = "".join(f"{x:.6f} {y:.6f} {z:.6f} 1 2 3\n" for x, y, z in points) + "3 0 1 2\n" * faces
        return head + body.encode()
    order = "<" if form == "binary_little_endian" else ">"
    table = np.zeros(len(points), dtype=[(axis, f"{order}f4") for axis in "xyz"] + [(c, "u1") for c in ("r", "g", "b")])
    for i, axis in enumerate("xyz"):
        table[axis] = points[:, i]
    return head + table.tobytes() + struct.pack(f"{order}Biii", 3, 0, 1, 2) * faces


def write_scannet_truth(
    folder: Path, points: np.ndarray, segments: list[int], groups: dict[int, tuple[str, list[int]]]
) -> Path:
    """<scan>_vh_clean_2.ply, its over-segmentation, and the aggregation of objects: id -> label, segments."""
    folder.mkdir(parents=True, exist_ok=True)
    name = folder.name
    (folder / f"{name}_vh_clean_2.ply").write_bytes(ply(points))
    content = {"params": {"kThresh": "0.0001"}, "sceneId": name, "segIndices": segments}
    (folder / f"{name}_vh_clean_2.0.010000.segs.json").write_text(json.dumps(content))
    entries = _groups(groups)
    aggregation = {"sceneId": f"scannet.{name}", "appId": "test", "segGroups": entries, "segmentsFile": "x"}
    (folder / f"{name}.aggregation.json").write_text(json.dumps(aggregation))
    return folder


def write_scannetpp_truth(
    folder: Path, points: np.ndarray, segments: list[int], groups: dict[int, tuple[str, list[int]]]
) -> Path:
    """scans/mesh_aligned_0.05.ply, segments.json, segments_anno.json."""
    scans = folder / "scans"
    scans.mkdir(parents=True, exist_ok=True)
    (scans / "mesh_aligned_0.05.ply").write_bytes(ply(points))
    (scans / "segments.json").write_text(json.dumps({"sceneId": folder.name, "segIndices": segments}))
    (scans / "segments_anno.json").write_text(json.dumps({"sceneId": folder.name, "segGroups": _groups(groups)}))
    return folder


def _groups(groups: dict[int, tuple[str, list[int]]]) -> list[dict[str, object]]:
    return [
        {"id": number, "objectId": number, "segments": members, "label": label}
        for number, (label, members) in groups.items()
    ]


def write_arkit_truth(folder: Path, points: np.ndarray, boxes: list[tuple[str, np.ndarray, np.ndarray, float]]) -> Path:
    """<video>_3dod_mesh.ply and _3dod_annotation.json: label, centre, full lengths, turn about z in degrees."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{folder.name}_3dod_mesh.ply").write_bytes(ply(points))
    entries = []
    for n, (label, center, lengths, turn) in enumerate(boxes):
        axes = Rotation.from_euler("z", turn, degrees=True).as_matrix().T  # rows: the box's own axes
        box = {"centroid": list(center), "axesLengths": list(lengths), "normalizedAxes": axes.ravel().tolist()}
        entries.append({"uid": str(n), "label": label, "modelId": "", "segments": {"obb": box, "obbAligned": box}})
    (folder / f"{folder.name}_3dod_annotation.json").write_text(json.dumps({"data": entries, "skipped": False}))
    return folder
