"""Exports a decoder in the layout that Hugging Face's exporters give, and checks the file against PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

import common
from decoder import Cache, Decoder

# The largest difference of a logit: sums in another order.
TOLERANCE = 1e-3


class Flat(nn.Module):
    """The decoder with its cache as separate tensors, key and value in turn, as a graph has them."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, *past: Tensor) -> list[Tensor]:
        layers = list(zip(past[::2], past[1::2], strict=True))
        logits, cache = self.decoder(input_ids, attention_mask, position_ids, layers)
        return [logits, *(tensor for layer in cache for tensor in layer)]


def export_decoder(model: Decoder, path: Path) -> None:
    """Write the graph: `input_ids`, `attention_mask`, `position_ids` and `past_key_values.<i>.key` and `.value` in,
    `logits` and `present.<i>.key` and `.value` out. Batch, sequence and past have any length, past also none."""
    shape = model.shape
    parts = [f"{i}.{part}" for i in range(shape.layers) for part in ("key", "value")]
    # Two tensors, as the exporter takes one that is given twice for a single input.
    tokens, positions = torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, 3, dtype=torch.long)
    past = tuple(torch.zeros(2, shape.heads, 5, shape.head_size) for _ in parts)
    now = {0: "batch_size", 1: "sequence_length"}
    program = torch.onnx.export(
        Flat(model).eval(),
        (tokens, torch.ones(2, 8, dtype=torch.long), positions, *past),
        input_names=["input_ids", "attention_mask", "position_ids", *(f"past_key_values.{part}" for part in parts)],
        output_names=["logits", *(f"present.{part}" for part in parts)],
        dynamic_shapes=(
            now,
            {0: "batch_size", 1: "total_sequence_length"},
            now,
            tuple({0: "batch_size", 2: "past_sequence_length"} for _ in parts),
        ),
        opset_version=common.OPSETS[""],
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    graph = program.model_proto
    graph.graph.name = path.parent.parent.name
    for item in (graph, graph.graph, *graph.graph.node, *graph.graph.value_info, *graph.graph.initializer):
        item.ClearField("doc_string")
        item.ClearField("metadata_props")  # traces of the exporter's calls, with its paths
    onnx.checker.check_model(graph, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(graph.SerializeToString(deterministic=True))


def check_export(model: Decoder, path: Path, tokens: Tensor) -> float:
    """The largest difference of a logit to PyTorch's in one pass, for three ways of going through the same tokens:
    at once without a past, token by token with the cache, and behind padding on the left.

    @raises ValueError where it is above the tolerance.
    """
    length = len(tokens)
    row, places = tokens[None], torch.arange(length)[None]
    with torch.no_grad():
        wanted = model(row, torch.ones_like(row), places)[0][0].numpy()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()][3:]
    ones = np.ones((1, length), np.int64)

    def run(ids: Tensor, mask: np.ndarray, at: Tensor, past: list[np.ndarray]) -> list[np.ndarray]:
        feeds = {"input_ids": ids.numpy(), "attention_mask": mask, "position_ids": at.numpy()}
        return session.run(None, {**feeds, **dict(zip(names, past, strict=True))})

    none = [np.zeros((1, model.shape.heads, 0, model.shape.head_size), np.float32) for _ in names]
    at_once = run(row, ones, places, none)[0][0]
    stepped, past = [], none
    for i in range(length):
        logits, *past = run(row[:, i : i + 1], ones[:, : i + 1], places[:, i : i + 1], past)
        stepped.append(logits[0, 0])
    # Two rows, of which the second one is half as long: its padding must change nothing.
    half = length // 2
    padding = length - half
    ids = torch.cat([row, torch.cat([torch.full((1, padding), 7), row[:, :half]], dim=1)])
    mask = np.concatenate([ones, (np.arange(length) >= padding).astype(np.int64)[None]])
    at = torch.cat([places, (places - padding).clamp(min=0)])
    none = [np.repeat(part, 2, axis=0) for part in none]
    both = run(ids, mask, at, none)[0]
    found = [at_once - wanted, np.stack(stepped) - wanted, both[0] - wanted, both[1, padding:] - wanted[:half]]
    worst = max(float(np.abs(part).max()) for part in found)
    if not worst < TOLERANCE:
        raise ValueError(f"the exported graph differs from PyTorch by {worst}")
    return worst
