"""How well every proposal of a scene answers a noun: class, size and support, against all other everyday nouns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor

from locate3d_ros.localization.chance import best_and_lead, size_neighbours, surprise
from locate3d_ros.localization.class_evidence import class_evidence, class_places
from locate3d_ros.localization.combination import NounWeights, SimilarityWeights
from locate3d_ros.localization.scene import SimilarityScene
from locate3d_ros.localization.thing_scores import Evidence, thing_totals
from locate3d_ros.localization.vocabulary import Noun

Values = NDArray[np.float32]

SIZE_KNOWN = (0.4, 0.7)  # likeness to the nearest entry at which its size starts to count, and counts in full


@dataclass(frozen=True)
class NounScores:
    """Evidence for one noun in P proposals; zeros where nothing is known."""

    evidence: Values  # [P] class evidence against the scene's other proposals
    place: Values  # [P] minus the logarithm of the noun's place among the proposal's classes
    size: Values  # [P] log-likelihood of the size above that for any everyday thing
    support: Values  # [P] log-likelihood of what carries it
    total: Values  # [P] weighted sum of evidence, size and support
    posterior: Values  # [P] log-probability of the noun among its rivals
    best: float  # surprise at the noun's best score in this scene, at least 0
    lead: float  # surprise at its lead over other things, at least 0
    trust: float  # in [0, 1]: how well the classifier knows the noun


def score_noun(scene: SimilarityScene, noun: Noun | None, weights: SimilarityWeights) -> NounScores:
    """Score a noun; None stands for "any thing"."""
    if noun is None:
        zero = np.zeros(len(scene), dtype=np.float32)
        return NounScores(zero, zero, zero, zero, zero, zero, 0.0, 0.0, 0.0)
    evidence = class_evidence(noun.class_weights[None], _as_tensor(noun.class_trust), scene.classes, len(scene))[0]
    place = class_places(noun.class_weights[None], scene.classes, len(scene))[0]
    known = np.clip((noun.entry_likeness - SIZE_KNOWN[0]) / (SIZE_KNOWN[1] - SIZE_KNOWN[0]), 0.0, 1.0)
    mixture = noun.entry_weights.cpu().numpy()
    size = np.asarray(known * _mixed(scene.sizes, mixture), dtype=np.float32)
    support = np.asarray(known * _mixed(scene.supports, mixture), dtype=np.float32)
    naming = weights.noun
    total = naming.evidence * evidence + naming.size * size + naming.support * support
    rivalry = noun.rivalry.cpu().numpy()
    own = thing_totals(Evidence(evidence, place, size, support), scene.cues, weights.rank)
    best, lead = best_and_lead(own, scene.proposals.boxes)
    around = size_neighbours(scene.background, mixture, rivalry)
    return NounScores(
        evidence=evidence,
        place=place,
        size=size,
        support=support,
        total=np.asarray(total, dtype=np.float32),
        posterior=_posterior(scene, rivalry, total, naming),
        best=surprise(best, scene.background.best, around),
        lead=surprise(lead, scene.background.lead, around),
        trust=noun.class_trust,
    )


def _posterior(scene: SimilarityScene, rivalry: Values, total: Values, naming: NounWeights) -> Values:
    """Return the log-probability [P] of the noun where one of it and its rivals is the proposal's name."""
    rivals = naming.evidence * scene.evidence + naming.size * scene.sizes + naming.support * scene.supports
    there = rivalry > 0
    against = logsumexp(rivals[there] + np.log(rivalry[there])[:, None], axis=0)
    return np.asarray(total - np.logaddexp(total, against), dtype=np.float32)


def _mixed(rows: Values, weights: Values) -> Values:
    """Return log sum_v weights[v] exp(rows[v]) over the rows (V, P) with weight."""
    there = weights > 0
    return np.asarray(logsumexp(rows[there] + np.log(weights[there])[:, None], axis=0), dtype=np.float32)


def _as_tensor(value: float) -> Tensor:
    return torch.tensor([value])
