"""Write a small folder for benchmarks/parity.py: python tools/make_parity_fixture.py FOLDER.

The golden tensors are this package's own, computed once by the gather convolution; the CPU computes by pairs. They
guard against change, on sizes, depths, orders and texts other than those of the released model. That the numbers
are the released model's is shown on tensors of that model, which the repository does not hold.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import save
from torch import Tensor

from locate3d_ros.files import write_file
from locate3d_ros.model.config import DecoderConfig, EncoderConfig, ModelConfig, PointTransformerConfig, TextConfig
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.model.postprocess import joined_text, to_instances
from locate3d_ros.model.sparse_conv import GatherTable
from locate3d_ros.model.tokenizer import tokenise

QUERIES = ("a green towel hanging beside the door", "Lamp!")
POINTS = 160
SEED = 7
CLIP, DINO = 6, 5  # feature widths
CONFIG = ModelConfig(
    EncoderConfig(
        feature_dim=CLIP + DINO,
        embed_dim=12,
        rgb_dim=10,
        harmonics=5,
        voxel_size=0.08,
        backbone=PointTransformerConfig(
            in_channels=12,
            orders=("hilbert", "z", "z-trans"),
            encoder_depths=(1, 2),
            encoder_channels=(16, 24),
            encoder_heads=(4, 3),
            decoder_depths=(1,),
            decoder_channels=(16,),
            decoder_heads=(2,),
            patch_sizes=(48, 20),
            mlp_ratio=2,
        ),
    ),
    DecoderConfig(
        width=16,
        feature_dim=16,
        queries=8,
        layers=2,
        heads=4,
        feedforward=24,
        text=TextConfig(width=4, layers=1, heads=2, feedforward=12, projection=4),
    ),
)


def main() -> None:
    """Write config.json, model.safetensors and io.safetensors."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    model = random_model()
    script = runpy.run_path(str(Path(__file__).resolve().parent.parent / "benchmarks" / "parity.py"))
    golden = recorder(script["Golden"])(inputs())
    with torch.inference_mode(), patch("locate3d_ros.model.sparse_conv.PairTable", GatherTable):
        script["compare_encoder"](golden, model)
        expected = [instances_of(golden.tensors, model, text) for text in QUERIES]
        for number, text in enumerate(QUERIES):
            script["compare_query"](golden, model, number, text, expected[number])
    write_file(folder / "config.json", json.dumps(description(expected), indent=1).encode())
    write_file(folder / "model.safetensors", save(held(model.state_dict())))
    write_file(folder / "io.safetensors", save(held(golden.tensors)))


def held(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors as a file takes them."""
    return {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}


def recorder(comparison: type) -> type:
    """Turn a comparison with golden tensors into one that takes what is computed as golden."""

    class Recorder(comparison):  # type: ignore[misc]
        def compare(self, _stage: str, name: str, computed: Tensor) -> None:
            self.tensors[name] = computed

    return Recorder


def random_model() -> Locate3DModel:
    """Build the model with weights large enough that words are assigned."""
    torch.manual_seed(SEED)
    model = Locate3DModel(CONFIG).eval()
    for name, tensor in model.state_dict().items():
        if "token_embedding" in name:
            used = sorted({i for text in QUERIES for i in tokenise(text).ids})
            tensor.zero_()
            tensor[used] = torch.randn(len(used), tensor.shape[1])
        elif tensor.is_floating_point() and not name.endswith("running_var"):
            tensor.add_(0.05 * torch.randn_like(tensor))
    return model


def inputs() -> dict[str, Tensor]:
    """Make the points of a floor and a wall with features."""
    generator = torch.Generator().manual_seed(SEED)
    flat = torch.rand(POINTS, 3, generator=generator) * torch.tensor([1.8, 1.5, 1.2])
    flat[: POINTS // 2, 2] = 0.1
    flat[POINTS // 2 :, 1] = 0.1
    return {
        "in.points": flat,
        "in.rgb": torch.rand(POINTS, 3, generator=generator),
        "in.features_clip": torch.randn(POINTS, CLIP, generator=generator),
        "in.features_dino": torch.randn(POINTS, DINO, generator=generator),
    }


def instances_of(tensors: dict[str, Tensor], model: Locate3DModel, text: str) -> list[dict[str, Any]]:
    """Describe a sentence's instances as config.json does."""
    tokens = tokenise(text)
    assert model.decoder.text_encoder is not None  # noqa: S101
    states = model.decoder.text_encoder(torch.tensor(tokens.ids))
    scene = model.decoder.project_scene(tensors["encoder.features"], tensors["in.points"])
    return [
        {
            "query_index": instance.query,
            "tokens_assigned": list(instance.tokens),
            "text": joined_text(text, tokens.offsets, instance.tokens),
            "confidence": instance.confidence,
        }
        for instance in to_instances(model.decoder(scene, states)[-1])
    ]


def description(expected: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Describe the model in the released names, and what is expected of it."""
    encoder, decoder, text = CONFIG.encoder, CONFIG.decoder, CONFIG.decoder.text
    backbone = encoder.backbone
    return {
        "seed": SEED,
        "queries": list(QUERIES),
        "expected_instances": expected,
        "encoder": {
            "input_feat_dim": encoder.feature_dim,
            "embed_dim": encoder.embed_dim,
            "rgb_proj_dim": encoder.rgb_dim,
            "num_rgb_harmonic_functions": encoder.harmonics,
            "voxel_size": encoder.voxel_size,
            "ptv3_args": {
                "in_channels": backbone.in_channels,
                "order": list(backbone.orders),
                "enc_depths": list(backbone.encoder_depths),
                "enc_channels": list(backbone.encoder_channels),
                "enc_num_head": list(backbone.encoder_heads),
                "enc_patch_size": list(backbone.patch_sizes),
                "dec_depths": list(backbone.decoder_depths),
                "dec_channels": list(backbone.decoder_channels),
                "dec_num_head": list(backbone.decoder_heads),
                "mlp_ratio": backbone.mlp_ratio,
            },
        },
        "decoder": {
            "d_model": decoder.width,
            "input_feat_dim": decoder.feature_dim,
            "num_queries": decoder.queries,
            "num_decoder_layers": decoder.layers,
            "transformer_n_heads": decoder.heads,
            "transformer_dim_feedforward": decoder.feedforward,
            "transformer_dropout": decoder.dropout,
        },
        "text_encoder": {
            "hidden_size": text.width,
            "num_hidden_layers": text.layers,
            "num_attention_heads": text.heads,
            "intermediate_size": text.feedforward,
            "projection_dim": text.projection,
            "vocab_size": text.vocabulary,
            "max_position_embeddings": text.positions,
        },
    }


if __name__ == "__main__":
    main()
