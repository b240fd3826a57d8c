"""Which basic colour terms a surface shows, and how well that fits the colours that a request names.

Colours are compared in CIELAB (CIE 15, D65) with vivid chroma compressed, against prototypes of the basic colour terms.
The prototypes and the tolerances between terms are our own reading of everyday usage; no data set fitted them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from locate3d_ros.localization.lexicon.colour_prototypes import LIGHTER_DARKER, PROTOTYPES, TOLERANCES
from locate3d_ros.localization.lexicon.colour_terms import BASIC_TERMS, COLOUR_TERMS, MATERIAL_COLOURS

TERM_COUNT = len(BASIC_TERMS)

WRONG = 0.02
"""Likelihood of an object of another colour, relative to one of the named colour."""
ENOUGH = 0.6
"""Share of an object's surface that has to show the named colour: the rest is shade, highlights, handles, prints."""
MATERIAL_TRUST = 0.35
"""How much of the log-likelihood a material's usual colour keeps: wooden things may be painted."""
EXCLUDED_TRUST = 0.9
"""Share at which an excluded colour counts as shown for sure."""

_SPREAD = (10.0, 7.0, 7.0)  # of a prototype in L, a, b
_VIVID = 45.0  # chroma at which compression sets in
_WHITE_BALANCE = 0.7  # how much of the estimated cast is taken out: the scene's own colours also tint the estimate
_WHITE_NORM = 6.0


def colour_shares(rgb: Tensor, white: Tensor | None = None) -> Tensor:
    """Return how much each point shows each basic term.

    rgb (m, 3) sRGB in [0, 1]; white (3,): what `estimate_white` says of the scene -> (m, C), rows add up to 1, columns
    in the order of `BASIC_TERMS`. Points that are not finite count as grey.
    """
    prototypes, owner = _prototypes(rgb.device)
    lab = _compress(_lab_from_rgb(_balance(torch.nan_to_num(rgb.float(), nan=0.5, posinf=1.0, neginf=0.0), white)))
    scaled = lab / torch.tensor(_SPREAD, device=rgb.device)
    logits = -0.5 * torch.cdist(scaled, prototypes, compute_mode="use_mm_for_euclid_dist").square()
    best = torch.full((len(rgb), TERM_COUNT), -torch.inf, device=rgb.device)
    best = best.scatter_reduce(1, owner.expand(len(rgb), -1), logits, reduce="amax")
    return best.softmax(dim=1)


def estimate_white(rgb: Tensor) -> Tensor:
    """Return the colour (3,) of the scene's light, its largest channel 1; grey light where there are no points.

    rgb (m, 3) sRGB in [0, 1]. Shades of grey with a Minkowski norm of 6 (Finlayson and Trezzi, 2004).
    """
    if len(rgb) == 0:
        return torch.ones(3, device=rgb.device)
    linear = _linear(torch.nan_to_num(rgb.float(), nan=0.0).clamp(0.0, 1.0))
    norm = linear.pow(_WHITE_NORM).mean(dim=0).pow(1.0 / _WHITE_NORM)
    return torch.where(norm.max() > 0.01, norm / norm.max().clamp(min=0.01), torch.ones_like(norm))


def colour_log_likelihood(
    words: Sequence[str], shares: Tensor, excluded: Sequence[str] = (), materials: Sequence[str] = ()
) -> Tensor:
    """Return how well surfaces fit the named colours: about 0 where they do, below -2 where another colour is shown.

    words and excluded: colours as `parse` gives them ("red", "dark blue"), materials likewise; unknown words say
    nothing. shares (n, C): mean of `colour_shares` over each object's points -> (n,), at most 0. Of several words each
    has to show: a black and white thing is both.
    """
    total = torch.zeros(len(shares), device=shares.device)
    known = [profile for word in words if (profile := _profile(word)) is not None]
    for profile in known:
        total = total + _fit(profile, shares, ENOUGH / len(known)) / len(known)
    for profile in (profile for word in excluded if (profile := _profile(word)) is not None):
        shown = (shares @ profile.to(shares)) / EXCLUDED_TRUST
        total = total + (1.0 - (1.0 - WRONG) * shown.clamp(0.0, 1.0)).log()
    for material in materials:
        if material in MATERIAL_COLOURS and not known:
            total = total + MATERIAL_TRUST * _fit(_tolerant(MATERIAL_COLOURS[material]), shares, ENOUGH)
    return total


def _fit(profile: Tensor, shares: Tensor, enough: float) -> Tensor:
    match = (shares @ profile.to(shares)) / enough
    return (WRONG + (1.0 - WRONG) * match.clamp(0.0, 1.0)).log()


@lru_cache(maxsize=512)
def _profile(word: str) -> Tensor | None:
    """Return how readily each basic term is accepted for a colour word (C,), None for unknown words."""
    shade, _, colour = word.rpartition(" ")
    if colour not in COLOUR_TERMS:
        return None
    profile = _tolerant(COLOUR_TERMS[colour])
    for term, weight in LIGHTER_DARKER.get(shade, {}).items():
        place = BASIC_TERMS.index(term)
        profile[place] = max(float(profile[place]), weight)
    return profile


def _tolerant(mixture: Mapping[str, float]) -> Tensor:
    largest = max(mixture.values())
    profile = torch.zeros(TERM_COUNT)
    for term, weight in mixture.items():
        accepted = {term: 1.0, **TOLERANCES[term]}
        row = torch.tensor([accepted.get(other, 0.0) for other in BASIC_TERMS])
        profile = torch.maximum(profile, row * (weight / largest) ** 0.5)
    return profile


def _prototypes(device: torch.device) -> tuple[Tensor, Tensor]:
    points = [point for term in BASIC_TERMS for point in PROTOTYPES[term]]
    owner = [place for place, term in enumerate(BASIC_TERMS) for _ in PROTOTYPES[term]]
    lab = _compress(torch.tensor(points, device=device))
    return lab / torch.tensor(_SPREAD, device=device), torch.tensor(owner, device=device)


def _balance(rgb: Tensor, white: Tensor | None) -> Tensor:
    if white is None:
        return rgb.clamp(0.0, 1.0)
    gain = white.to(rgb).clamp(min=0.2).pow(-_WHITE_BALANCE)
    linear = (_linear(rgb.clamp(0.0, 1.0)) * gain).clamp(0.0, 1.0)
    return torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.pow(1.0 / 2.4) - 0.055)


def _linear(rgb: Tensor) -> Tensor:
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055).pow(2.4))


def _lab_from_rgb(rgb: Tensor) -> Tensor:
    """Convert sRGB (m, 3) in [0, 1] to CIELAB under D65 (IEC 61966-2-1, CIE 15)."""
    to_xyz = torch.tensor(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], device=rgb.device
    )
    ratio = (_linear(rgb) @ to_xyz.T) / torch.tensor([0.9505, 1.0, 1.089], device=rgb.device)
    root = torch.where(
        ratio > 216.0 / 24389.0, ratio.clamp(min=1e-6).pow(1.0 / 3.0), (24389.0 / 27.0 * ratio + 16) / 116
    )
    x, y, z = root.unbind(dim=1)
    return torch.stack((116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)), dim=1)


def _compress(lab: Tensor) -> Tensor:
    """Bring vivid colours nearer, so that hue decides among them."""
    chroma = lab[:, 1:].norm(dim=1, keepdim=True)
    scale = _VIVID * torch.tanh(chroma / _VIVID) / chroma.clamp(min=1e-6)
    return torch.cat((lab[:, :1], lab[:, 1:] * torch.where(chroma > 1e-6, scale, torch.ones_like(scale))), dim=1)
