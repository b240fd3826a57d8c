"""The faults of a real sensor that last longer than one image, and which of all are switched on."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.mesh import Floats
from locate3d_ros.data.synthetic.options import SensorEffects
from locate3d_ros.data.synthetic.sensor import DepthSensor

BASELINE = 0.05  # metres from the colour camera to a depth camera of its own
DRIFT = (0.0015, 0.0006)  # metres and radians that the estimated pose strays from one frame to the next
BLURRED_SHARE = 0.3  # of all frames


def sensor_of(effects: SensorEffects) -> DepthSensor:
    """Return the sensor of these switches."""
    usual = DepthSensor()
    return DepthSensor(
        disparity_step=usual.disparity_step if effects.depth_noise else 0.0,
        disparity_noise=usual.disparity_noise if effects.depth_noise else 0.0,
        min_depth=usual.min_depth if effects.near_limit else 0.0,
        grazing=usual.grazing if effects.edge_dropouts else 0.0,
        dropout=usual.dropout if effects.edge_dropouts else 0.0,
        dark_dropout=0.5 if effects.dark_dropouts else 0.0,
        shiny_dropout=0.35 if effects.shiny_dropouts else 0.0,
        colour_noise=1.5 if effects.colour_noise else 0.0,
    )


def drifted(poses: Sequence[Floats], rng: np.random.Generator) -> list[Floats]:
    """Return poses [4, 4] as an odometry that strays and is pulled back would estimate them."""
    error, estimated = np.zeros(6), []
    for pose in poses:
        error = 0.97 * error + np.concatenate((rng.normal(0.0, DRIFT[0], 3), rng.normal(0.0, DRIFT[1], 3)))
        rotation, _ = cv2.Rodrigues(error[3:])
        stray = np.eye(4)
        stray[:3, :3], stray[:3, 3] = rotation @ pose[:3, :3], pose[:3, 3] + error[:3]
        estimated.append(stray)
    return estimated


def exposure_gains(count: int, rng: np.random.Generator) -> list[float]:
    """Return factors on the exposure of successive frames, around 1."""
    gain, gains = float(rng.normal(0.0, 0.08)), []
    for _ in range(count):
        gain = 0.9 * gain + float(rng.normal(0.0, 0.05))
        gains.append(float(np.exp(np.clip(gain, -0.4, 0.4))))
    return gains


def white_balance(rgb: NDArray[np.uint8], shift: float) -> NDArray[np.uint8]:
    """Make a picture [H, W, 3] warmer (shift > 0) or colder."""
    factors = np.array([1.0 + shift, 1.0, 1.0 - shift], dtype=np.float32)
    table = np.clip(np.arange(256, dtype=np.float32)[:, None] * factors, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(rgb, table[None]), dtype=np.uint8)


def motion_blur(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur a share of all pictures [H, W, 3] along a random direction, by up to a hundredth of their width."""
    blurred, angle = rng.random() < BLURRED_SHARE, float(rng.uniform(0.0, np.pi))
    length = float(rng.uniform(0.3, 1.0)) * rgb.shape[1] / 100.0
    if not blurred or length < 1.0:
        return rgb
    half = int(np.ceil(length / 2.0)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), dtype=np.float32)
    for t in np.linspace(-length / 2.0, length / 2.0, 16):
        kernel[half + round(t * np.sin(angle)), half + round(t * np.cos(angle))] += 1.0
    return np.asarray(cv2.filter2D(rgb, -1, kernel / kernel.sum()), dtype=np.uint8)
