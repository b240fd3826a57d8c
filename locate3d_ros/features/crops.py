"""From boxes in an image to what CLIP's image tower sees: shorter side to 224 pixels, bicubic, centre cut out."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


def crop_images(rgb: Tensor, boxes: Tensor, size: int, exact: bool) -> Tensor:
    """Return the normalised crops [n, 3, size, size] float32 of boxes [n, 4] (x, y, w, h) of an image [H, W, 3] uint8.

    `exact` takes Pillow's filter, as the released preprocessing; otherwise crops are resized on the image's device.
    The crops lie on the device of the image.
    """
    resize = _pillow_crops if exact else _device_crops
    pixels = resize(rgb, boxes.tolist(), size)
    mean, std = (torch.tensor(values, device=rgb.device).view(3, 1, 1) for values in (MEAN, STD))
    return (pixels / 255.0 - mean) / std


def whole_image_box(rgb: Tensor) -> Tensor:
    """Return the box [1, 4] of the whole image."""
    return torch.tensor([[0, 0, rgb.shape[1], rgb.shape[0]]])


def _pillow_crops(rgb: Tensor, boxes: list[list[int]], size: int) -> Tensor:
    image = Image.fromarray(rgb.cpu().numpy())
    crops = [_pillow_crop(image.crop((x, y, x + w, y + h)), size) for x, y, w, h in boxes]
    return torch.stack(crops).to(rgb.device).float() if crops else torch.zeros(0, 3, size, size, device=rgb.device)


def _pillow_crop(image: Image.Image, size: int) -> Tensor:
    """Return [3, size, size] uint8: all of the image enlarged, then the middle cut out.

    Enlarging only what stays would spare time with long thin images, but Pillow places such a part in single precision,
    and then some pixels come out one level off.
    """
    w, h = image.size
    width, height = (size, int(size * h / w)) if w <= h else (int(size * w / h), size)
    left, top = round((width - size) / 2.0), round((height - size) / 2.0)
    square = image.resize((width, height), Image.Resampling.BICUBIC).crop((left, top, left + size, top + size))
    data = torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8)
    return data.view(size, size, 3).permute(2, 0, 1)


def _device_crops(rgb: Tensor, boxes: list[list[int]], size: int) -> Tensor:
    pixels = rgb.permute(2, 0, 1)[None].float()
    crops = [_device_crop(pixels[:, :, y : y + h, x : x + w], size) for x, y, w, h in boxes]
    return torch.cat(crops) if crops else torch.zeros(0, 3, size, size, device=rgb.device)


def _device_crop(pixels: Tensor, size: int) -> Tensor:
    """Return [1, 3, size, size] float32 in [0, 255] of the middle square of pixels [1, 3, h, w]."""
    h, w = pixels.shape[2:]
    side = min(h, w)
    top, left = (h - side) // 2, (w - side) // 2
    square = pixels[:, :, top : top + side, left : left + side]
    resized = torch.nn.functional.interpolate(square, (size, size), mode="bicubic", antialias=True)
    return resized.clamp(0.0, 255.0).round()
