"""Every default of training, once. The flags of `locate3d train` are generated from these. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from locate3d_ros.errors import InputError

MaskKind = Literal["run", "random", "block", "radius"]


@dataclass(frozen=True)
class DataConfig:
    """Which scenes are trained on, and how many at once."""

    data: tuple[str, ...] = ()
    """Data set folders with lifted scenes (`locate3d cache`); the smoke preset needs none."""
    mixing: tuple[float, ...] = ()
    """How often each data set is drawn from, relative to the others; none: by its number of sentences."""
    cache: str = ""
    """Name of the folder in DATASET/cache; needed only where there are several."""
    split: str = "train"
    """The sentences that are trained on."""
    batch: int = 4
    """Scenes per optimizer step, over all processes and accumulated passes together."""
    sentences: int = 8
    """Sentences per scene and step; the scene is encoded once for all of them."""
    accumulation: int = 1
    """Passes whose gradients are added up before the optimizer steps."""
    workers: int = 0
    """Processes that load scenes; 0: the training process itself."""
    overfit: int = 0
    """Train on this many scenes only, without augmentation, to see that everything fits together; 0: on all."""

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        for name in ("batch", "sentences", "accumulation"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "give 1 or more")
        for name in ("workers", "overfit"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "give 0 or more")
        fits = not self.mixing or (len(self.mixing) == len(self.data) and min(self.mixing) > 0)
        _require(fits, "mixing", self.mixing, "give one value above 0 for each data set")


@dataclass(frozen=True)
class AugmentationConfig:
    """How a lifted scene is varied (docs/training.md says what cannot be varied after lifting)."""

    turn: bool = True
    """Turn about the vertical by any angle."""
    flip: bool = True
    """Mirror left and right; sentences with "left" or "right" are then left out."""
    scale: float = 0.1
    """Stretch by up to this share."""
    voxel_dropout: float = 0.2
    """Leave out up to this share of the voxels."""
    feature_noise: float = 0.02
    """Standard deviation of noise on the features, as a share of their own."""
    colour_jitter: float = 0.1
    """Shift brightness and contrast of the voxel colours by up to this much."""
    max_voxels: int = 60_000
    """Larger scenes are cut to the voxels nearest to an object that a sentence means."""

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        for name in ("scale", "voxel_dropout"):
            _require(0 <= getattr(self, name) < 1, name, getattr(self, name), "give a value in [0, 1)")
        for name in ("feature_noise", "colour_jitter"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "give 0 or more")
        _require(self.max_voxels >= 100, "max_voxels", self.max_voxels, "give 100 or more")


@dataclass(frozen=True)
class ScheduleConfig:
    """Learning rates over time. Source: MODEL_SPEC §20 for the frozen encoder and its rate; the rest is our choice."""

    epochs: int = 40
    """Passes over all sentences (of JEPA: over all scenes) of the whole schedule."""
    frozen_epochs: int = 17
    """The encoder of a grounding run does not learn before this epoch."""
    learning_rate: float = 2e-4
    """Of the decoder, and of the encoder in pretraining."""
    encoder_rate: float = 0.5
    """The encoder's learning rate relative to the decoder's."""
    warmup_steps: int = 200
    """Steps over which the rate rises."""
    last_rate: float = 0.02
    """Share of the rate that is left at the end of its cosine."""
    weight_decay: float = 0.01
    """Of matrices; norms and biases have none."""
    clip: float = 1.0
    """Longest gradient; longer ones are shortened to it."""
    ema: float = 0.999
    """Decay of the averaged weights, which evaluation uses."""
    norm_steps: int = 500
    """Steps after which the decoder's batch normalisations keep their stored statistics, as evaluation does."""

    def __post_init__(self) -> None:
        """Refuse what no schedule can have."""
        for name in ("epochs", "learning_rate", "encoder_rate", "clip"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "give a value above 0")
        for name in ("warmup_steps", "weight_decay", "last_rate", "norm_steps"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "give 0 or more")
        _require(0 <= self.frozen_epochs <= self.epochs, "frozen_epochs", self.frozen_epochs, "give 0 to epochs")
        _require(0 <= self.ema < 1, "ema", self.ema, "give a value in [0, 1)")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the grounding loss. Source: MODEL_SPEC §20 for its terms and the mask's weight; the rest is ours."""

    token_weight: float = 1.0
    mask_weight: float = 6.0
    dice_weight: float = 2.0
    box_weight: float = 1.0
    giou_weight: float = 2.0


@dataclass(frozen=True)
class JepaConfig:
    """What 3D-JEPA hides and how it predicts it. Source: MODEL_SPEC §20 for runs of about 8 %; the rest is ours."""

    mask: MaskKind = "run"
    """Runs of the serialized order, single voxels, boxes, or balls."""
    mask_share: float = 0.08
    """Share of the scene that one mask hides."""
    mask_count: int = 4
    """How many masks hide parts of a scene at once."""
    predictor_width: int = 96
    predictor_layers: int = 3
    predictor_heads: int = 4
    predictor_window: int = 512
    """The predictor attends within windows of this many voxels, along a curve that changes from layer to layer."""
    target_ema: float = 0.996
    """Decay of the target encoder at the start; it rises to 1 over the schedule."""

    def __post_init__(self) -> None:
        """Refuse masks that hide nothing or all."""
        _require(0 < self.mask_share < 1, "mask_share", self.mask_share, "give a value between 0 and 1")
        _require(self.mask_count >= 1, "mask_count", self.mask_count, "give 1 or more")
        fits = self.predictor_width % self.predictor_heads == 0 and self.predictor_width // self.predictor_heads >= 6
        _require(fits, "predictor_width", self.predictor_width, "give a multiple of predictor_heads, 6 or more each")


@dataclass(frozen=True)
class ProposalConfig:
    """How the proposal decoder is trained; its recipe is ours."""

    noise: float = 0.2
    """Standard deviation of noise on the measures of proposals, as a share of their own."""
    choice_noise: float = 0.3
    """Likewise on the logits by which the proposals that are looked at are chosen."""
    named: int = 512
    """Proposals of a scene that are named by themselves in each step."""
    blind: float = 0.3
    """Share of these whose features and class names are hidden, so that they are named by their shape."""
    borrowed: int = 8
    """Sentences about things of a step's other scenes that each scene is asked for in vain."""
    chosen_among: int = 160
    """Proposals of a scene that sentences choose among: fewer than later, as a step's time grows with their square."""
    rooms: bool = False
    """Tell a new decoder of rooms (docs/ablations.md says what that changes)."""
    choice_weight: float = 1.5
    absence_weight: float = 0.5
    words_weight: float = 2.0
    parts_weight: float = 0.5
    places_weight: float = 0.5
    things_weight: float = 1.0
    names_weight: float = 0.5
    corners_weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse to choose among nothing."""
        _require(self.borrowed >= 0, "borrowed", self.borrowed, "give 0 or more")
        _require(self.chosen_among >= 1, "chosen_among", self.chosen_among, "give 1 or more")

    def weights(self) -> dict[str, float]:
        """Return the weights by the names of the terms."""
        return {name.removesuffix("_weight"): value for name, value in vars(self).items() if name.endswith("_weight")}


@dataclass(frozen=True)
class RunConfig:
    """Where and how a run computes."""

    model: Literal["smoke", "locate3d-tiny", "locate3d"] = "locate3d-tiny"
    """The sizes of a new model; its feature width is the data's."""
    initial: str = ""
    """Start from this model, or from this run's or checkpoint's encoder alone; its sizes then count."""
    dropout: float = 0.0
    """Of the decoder."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N; under torchrun each process takes its own GPU."""
    train_precision: Literal["float32", "bfloat16"] = "float32"
    """What matrix products are computed in; weights and optimizer are float32."""
    strategy: Literal["ddp", "fsdp"] = "ddp"
    """With several processes: each holds the whole model, or its share of the weights."""
    checkpointing: bool = False
    """Compute activations again in the backward pass instead of keeping them: less memory, about a third slower."""
    seed: int = 0
    threads: int = 0
    """CPU threads; 0 = all cores."""
    save_every: int = 500
    """Steps between two checkpoints."""
    log_every: int = 10
    """Steps between two lines of metrics."""

    def __post_init__(self) -> None:
        """Refuse what cannot run."""
        for name in ("save_every", "log_every"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "give 1 or more")
        _require(0 <= self.dropout < 1, "dropout", self.dropout, "give a value in [0, 1)")


@dataclass(frozen=True)
class ValidationConfig:
    """What a grounding run is measured on while it trains."""

    val: tuple[str, ...] = ()
    """Data set folders with lifted scenes whose sentences are not trained on."""
    val_split: str = "val"
    """Their sentences."""
    validate_every: int = 0
    """Steps between two measurements; the best model so far is kept beside the run's own. 0: none."""

    def __post_init__(self) -> None:
        """Refuse half of it."""
        _require(self.validate_every >= 0, "validate_every", self.validate_every, "give 0 or more")
        _require(bool(self.val) or not self.validate_every, "val", self.val, "name data set folders to validate on")
        _require(bool(self.validate_every) or not self.val, "validate_every", 0, "give the steps between validations")


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a run."""

    data: DataConfig = field(default_factory=DataConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    losses: LossConfig = field(default_factory=LossConfig)
    jepa: JepaConfig = field(default_factory=JepaConfig)
    proposals: ProposalConfig = field(default_factory=ProposalConfig)
    run: RunConfig = field(default_factory=RunConfig)


def _require(holds: bool, name: str, value: object, mend: str) -> None:
    if not holds:
        raise InputError(f"{name} = {value!r}: out of range; {mend}")
