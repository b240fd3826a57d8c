"""What a depth camera and its colour camera make of a rendered view."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from locate3d_ros.data.synthetic.caster import Floats32
from locate3d_ros.data.synthetic.render import View


@dataclass(frozen=True)
class DepthSensor:
    """Noise and limits of a structured-light camera, which measures disparity = focal_baseline / depth."""

    focal_baseline: float = 43.5  # pixels times metres
    disparity_step: float = 0.125  # pixels: disparity is measured in eighths; 0: exactly
    disparity_noise: float = 0.065  # pixels, standard deviation: 1.5 mm at one metre, growing with the square of depth
    noise_width: float = 2.0  # pixels: neighbours share their noise, as they share their matching window
    min_depth: float = 0.4  # metres
    max_depth: float = 4.5  # metres
    grazing: float = 0.12  # surfaces seen at a flatter angle than this (as cosine) give nothing
    dropout: float = 0.4  # share of pixels beside a depth edge that give nothing
    dark_dropout: float = 0.0  # share of pixels on black surfaces that give nothing
    shiny_dropout: float = 0.0  # share of mirror-like surfaces that give nothing
    colour_noise: float = 0.8  # grey levels of 255


def measure_depth(view: View, facing: Floats32, sensor: DepthSensor, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Return depth [H, W] in millimetres as a sensor would see it; 0 = no answer.

    facing [H, W]: cosine between the surface's normal and the line of sight.
    """
    depth = _noisy(view.depth, sensor, rng)
    seen = (view.depth > sensor.min_depth) & (view.depth < sensor.max_depth) & (facing > sensor.grazing)
    if sensor.dropout:
        seen &= ~(_beside_edge(view.depth) & (rng.random(view.depth.shape, dtype=np.float64) < sensor.dropout))
    if sensor.dark_dropout:
        brightest = np.maximum(np.maximum(view.rgb[..., 0], view.rgb[..., 1]), view.rgb[..., 2])
        dark = np.clip((40.0 - brightest.astype(np.float32)) / 25.0, 0.0, 1.0)
        seen &= rng.random(view.depth.shape, dtype=np.float32) >= sensor.dark_dropout * dark
    if sensor.shiny_dropout and view.shine is not None:
        # Whole patches fail, not single pixels: the projected pattern is reflected away.
        patches = cv2.GaussianBlur(rng.standard_normal(view.depth.shape, dtype=np.float32), (0, 0), 4.0)
        failing = patches / max(float(patches.std()), 1e-6) > 1.2 - 2.0 * sensor.shiny_dropout
        seen &= ~(failing & (view.shine > 0.25))
    return np.where(seen, np.round(depth * 1000.0), 0.0).astype(np.uint16)


def _noisy(depth: Floats32, sensor: DepthSensor, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return depth [H, W] as disparity with noise and steps gives it."""
    if not sensor.disparity_noise and not sensor.disparity_step:
        return depth.astype(np.float64)
    noise = cv2.GaussianBlur(rng.standard_normal(depth.shape), (0, 0), sensor.noise_width)
    disparity = sensor.focal_baseline / np.maximum(depth, 0.05) + sensor.disparity_noise * noise / noise.std()
    if sensor.disparity_step:
        disparity = np.round(disparity / sensor.disparity_step) * sensor.disparity_step
    return np.asarray(sensor.focal_baseline / np.maximum(disparity, max(sensor.disparity_step, 1e-3)))


def measure_colour(rgb: NDArray[np.uint8], sensor: DepthSensor, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture [H, W, 3] with the noise of a camera chip."""
    if not sensor.colour_noise:
        return rgb
    noisy = rgb.astype(np.float32) + sensor.colour_noise * rng.standard_normal(rgb.shape, dtype=np.float32)
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8)


def _beside_edge(depth: Floats32) -> NDArray[np.bool_]:
    """Mark pixels whose depth differs from a direct neighbour's by more than 5 %."""
    marked = np.zeros(depth.shape, dtype=np.bool_)
    for here, there, first, second in (
        (depth[:-1], depth[1:], marked[:-1], marked[1:]),
        (depth[:, :-1], depth[:, 1:], marked[:, :-1], marked[:, 1:]),
    ):
        jump = np.abs(there - here) > 0.05 * np.minimum(here, there)
        first |= jump
        second |= jump
    return marked
