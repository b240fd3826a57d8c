"""Compare the model, or the 2D features, with golden tensors: python benchmarks/parity.py FOLDER.

FOLDER holds config.json, io.safetensors and model.safetensors for the model, or weights.safetensors for the features.
Prints the largest absolute and relative difference of every stage and exits 1 if a tensor is off by more than the
tolerance that config.json suggests, else 1e-3 x max|reference|, an integer differs, or the instances do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from golden import TOLERANCE, Golden, report
from parity_features import compare_features, is_features_folder
from safetensors.torch import load_file
from torch import Tensor, nn

from locate3d_ros.errors import InputError
from locate3d_ros.model.checkpoint import load_checkpoint
from locate3d_ros.model.encoder import grid_cells, harmonic_embedding
from locate3d_ros.model.locate3d_model import Locate3DModel
from locate3d_ros.model.point_transformer import Pyramid, build_pyramid
from locate3d_ros.model.postprocess import joined_text, to_instances
from locate3d_ros.model.tokenizer import tokenise


def main() -> int:
    """Compare one folder and print the table."""
    if len(sys.argv) != 2:
        print("usage: python benchmarks/parity.py FOLDER", file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    try:
        if is_features_folder(folder):
            return report(compare_features(folder))
        config = json.loads((folder / "config.json").read_text())
        golden = Golden(load_file(folder / "io.safetensors"))
        model = load_checkpoint(folder).model
    except (InputError, OSError, ValueError) as error:
        print(f"{folder}: {error}", file=sys.stderr)
        return 2
    with torch.inference_mode():
        compare_encoder(golden, model)
        for number, text in enumerate(config["queries"]):
            compare_query(golden, model, number, text, config["expected_instances"][number])
    for name in golden.not_compared():
        print(f"not compared: {name}", file=sys.stderr)
    return report(golden.differences)


def compare_encoder(golden: Golden, model: Locate3DModel) -> None:
    """Compare codes, stem, every stage and the encoder's result."""
    given = golden.tensors
    xyz, rgb = given["in.points"], given["in.rgb"]
    features = torch.cat((given["in.features_clip"], given["in.features_dino"]), dim=1)
    encoder = model.encoder
    cells = grid_cells(xyz, encoder.config.voxel_size)
    compare_codes(golden, build_pyramid(cells, encoder.config.backbone))
    golden.compare("front end", "encoder.rgb_harmonic", harmonic_embedding(rgb * 255.0, encoder.config.harmonics))
    golden.compare("front end", "encoder.ptv3_input", encoder.embed(rgb, features))
    backbone = encoder.point_transformer_v3
    watched = {"ptv3.stem_conv": backbone.embedding["stem"].conv, "ptv3.stem": backbone.embedding["stem"]}
    watched |= {"encoder.feat_norm": encoder.feat_norm, "encoder.rgb_projector": encoder.rgb_projector}
    watched |= dict(watched_stages(backbone.enc, "down", "pooled")) | dict(watched_stages(backbone.dec, "up", "up"))
    watched |= dict(watched_first_blocks(backbone))
    with recorded(watched) as seen:
        encoded = encoder(xyz, rgb, features)
    for name, tensor in seen.items():
        golden.compare(encoder_stage(name), name, tensor)
    golden.compare("codes", "in.cells", cells)
    golden.compare("encoder", "encoder.points", xyz)
    golden.compare("encoder", "ptv3.out", encoded)
    golden.compare("encoder", "encoder.features", encoded)


def encoder_stage(name: str) -> str:
    """Return the row of the table that an activation belongs to."""
    if name.startswith("encoder."):
        return "front end"
    return "stem" if "stem" in name else "stages"


def compare_codes(golden: Golden, pyramid: Pyramid) -> None:
    """Compare cells, codes and orders of every level."""
    for s, level in enumerate(pyramid.levels):
        prefix = "ptv3" if s == 0 else f"ptv3.enc{s}"
        golden.compare("codes", f"{prefix}.grid_coord", level.cells)
        golden.compare("codes", f"{prefix}.serialized_code", level.codes)
        if s > 0:
            golden.compare("codes", f"{prefix}.pooling_inverse", pyramid.parents[s - 1])
    finest = pyramid.levels[0]
    golden.compare("codes", "ptv3.serialized_order", finest.order)
    golden.compare("codes", "ptv3.serialized_inverse", finest.inverse)
    golden.compare("codes", "ptv3.serialized_depth", torch.tensor([finest.depth]))


def watched_stages(stages: nn.ModuleDict, resampling: str, name: str) -> Iterator[tuple[str, nn.Module]]:
    """Name every stage and its pooling or unpooling as the golden tensors do."""
    for key, stage in stages.items():
        yield f"ptv3.{key}", stage
        module = getattr(stage, resampling)
        if module is not None:
            yield f"ptv3.{key}.{name}", module


def watched_first_blocks(backbone: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Name the inner activations of the first blocks: position encoding, normalisation, attention."""
    for key, stage in (*backbone.enc.items(), *backbone.dec.items()):
        yield f"ptv3.{key}.block0", stage.block0
        yield f"ptv3.{key}.block0.cpe", stage.block0.cpe[2]
        yield f"ptv3.{key}.block0.norm1", stage.block0.norm1
        yield f"ptv3.{key}.block0.attn", stage.block0.attn


@contextmanager
def recorded(watched: dict[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Keep the outputs of named modules, the first where a module returns several."""
    seen: dict[str, Tensor] = {}

    def keep(name: str, output: Tensor | tuple[Tensor, ...]) -> None:
        seen[name] = output[0] if isinstance(output, tuple) else output

    handles = [
        module.register_forward_hook(lambda _module, _inputs, output, name=name: keep(name, output))
        for name, module in watched.items()
    ]
    yield seen
    for handle in handles:
        handle.remove()


def watched_decoder_layers(model: Locate3DModel) -> dict[str, nn.Module]:
    """Name the three blocks of every decoder layer."""
    blocks = {}
    for i, layer in enumerate(model.decoder.decoder):
        blocks[f"layer{i}.self_attn"] = layer.query_self_attn
        blocks[f"layer{i}.query_feats"] = layer.query_ptc_feat_attn
        blocks[f"layer{i}.ptc_feats"] = layer.ptc_feat_query_attn
    return blocks


def compare_query(golden: Golden, model: Locate3DModel, number: int, text: str, expected: list[dict]) -> None:
    """Compare words, every layer's heads and the instances of one sentence."""
    prefix = f"query{number}"
    tokens = tokenise(text)
    ids = torch.tensor(tokens.ids)
    golden.compare("text", f"{prefix}.input_ids", ids)
    states = model.decoder.text_encoder(ids)
    golden.compare("text", f"{prefix}.text_hidden", states)
    golden.compare("text", f"{prefix}.text_feats", model.decoder.text_projector(states))
    # The decoder is given the reference's encoder output, so that a difference is shown where it arises.
    scene = model.decoder.project_scene(golden.tensors["encoder.features"], golden.tensors["in.points"])
    golden.compare("text", f"{prefix}.ptc_feats", scene.points)
    golden.compare("text", f"{prefix}.ptc_pos", scene.position)
    golden.compare("text", f"{prefix}.attention_mask", torch.ones_like(ids))
    with recorded(watched_decoder_layers(model)) as seen:
        predictions = model.decoder(scene, states, every_layer=True)
    queries = model.config.decoder.queries
    for name, tensor in seen.items():
        sequence = name.endswith("query_feats")  # queries first, words last
        golden.compare("layers", f"{prefix}.{name}", tensor[:queries] if sequence else tensor)
        if sequence:
            golden.compare("layers", f"{prefix}.{name.replace('query_feats', 'text_feats')}", tensor[queries:])
    for layer, prediction in enumerate(predictions):
        last = layer == len(predictions) - 1
        place = prefix if last else f"{prefix}.aux{layer}"
        stages = ("masks", "alignment", "boxes") if last else ("layers",) * 3
        golden.compare(stages[0], f"{place}.pred_masks", prediction.mask_logits)
        golden.compare(stages[1], f"{place}.pred_logits", prediction.token_logits)
        golden.compare(stages[2], f"{place}.pred_boxes", prediction.boxes)
    instances = to_instances(predictions[-1])
    found = [(i.query, list(i.tokens), joined_text(text, tokens.offsets, i.tokens)) for i in instances]
    wanted = [(e["query_index"], e["tokens_assigned"], e["text"]) for e in expected]
    golden.check("instances", f"{prefix}: queries, tokens, text", found == wanted)
    if found == wanted and instances:
        golden.compare("instances", f"{prefix}.instances.mask", torch.stack([i.mask for i in instances]))
        golden.compare("instances", f"{prefix}.instances.bbox", torch.stack([i.box for i in instances]))
        golden.compare("instances", f"{prefix}.instances.confidence", torch.tensor([i.confidence for i in instances]))
        golden.compare("instances", f"{prefix}.instances.query_index", torch.tensor([i.query for i in instances]))
        columns = torch.zeros(len(instances), predictions[-1].token_logits.shape[1], dtype=torch.int64)
        for row, instance in enumerate(instances):
            columns[row, list(instance.tokens)] = 1
        golden.compare("instances", f"{prefix}.instances.tokens_assigned", columns)
        confidences = [abs(i.confidence - e["confidence"]) for i, e in zip(instances, expected, strict=True)]
        golden.check("instances", f"{prefix}: confidences of config.json", max(confidences) <= TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
