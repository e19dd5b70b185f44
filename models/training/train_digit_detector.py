"""Digit detector: a small convolutional network that finds handwritten digits on a dark canvas, in the layout of YOLOv8."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

import common

NAME = "digit-detector"
SIZE, STRIDE, CLASSES = 128, 8, 10
CELLS = SIZE // STRIDE
STEPS, BATCH = 2400, 16
SCORE_THRESHOLD, IOU_THRESHOLD = 0.35, 0.45
HELD_OUT_SCENES, KEPT_SCENES = 400, 40
# Output channels, kernel size and stride of each convolution before the head.
LAYERS = ((12, 3, 2), (20, 3, 2), (32, 3, 2), (48, 3, 1), (48, 3, 1), (48, 3, 1))

Scene = tuple[Image.Image, NDArray[np.float64], NDArray[np.int64]]

MANIFEST = """\
{generated}
description: Finds handwritten digits in a picture, light ink on a dark ground.
input:
  kind: image
  tensor: images
  width: {size}
  height: {size}
  channels: grayscale
  layout: nchw
  fit: contain
output:
  kind: detection
  tensor: predictions
  transposed: true # [4 + classes, boxes], as YOLOv8 is exported
  box_format: cxcywh
  labels: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
  score_threshold: {score_threshold}
  iou_threshold: {iou_threshold}
batching:
  max_batch_size: 16
  max_queue_delay_ms: 5
warmup:
  batch_sizes: [1, 16]
versions:
  "1": {{ description: "Six convolutions, {boxes} boxes at a stride of {stride}", held_out: {{ metric: mAP50, value: {value}, rows: {rows} }} }}
card:
  data: >-
    Scenes of 1 to 6 digits of 16 to 48 pixels on a canvas of {size}, drawn by the training script from the 1797 images of
    Optical recognition of handwritten digits (Alpaydin and Kaynak, 1998) shipped in scikit-learn. Digits in held-out
    scenes are in no training scene.
  licence: >-
    Data: UCI Machine Learning Repository, Creative Commons Attribution 4.0 (https://doi.org/10.24432/C50P49), from
    scikit-learn (BSD-3-Clause).
  intended_use: Demonstration and testing of object detection, and of pipelines with the model digits.
  limitations: >-
    Digits must be light on dark, apart from each other, and an eighth to a third of the longer side of the picture. Trained on
    drawn scenes alone: it has seen no photograph.
"""


def overlaps(box: NDArray[np.float64], others: list[NDArray[np.float64]]) -> bool:
    """Whether a box (x0, y0, x1, y1) covers more than a corner of another one."""
    return any(
        min(box[2], other[2]) - max(box[0], other[0]) > 1 and min(box[3], other[3]) - max(box[1], other[1]) > 1
        for other in others
    )


def scene(rng: np.random.Generator, digits: NDArray[np.uint8], labels: NDArray[np.int64]) -> Scene:
    """A canvas with digits, their boxes (x0, y0, x1, y1) and their classes."""
    ground = rng.uniform(0, 50, (4, 4)).astype(np.uint8)
    canvas = Image.fromarray(ground).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    for _ in range(rng.integers(0, 4)):
        ends = [int(value) for value in rng.uniform(0, SIZE, 4)]
        draw.line(ends, fill=int(rng.uniform(30, 120)), width=int(rng.integers(1, 3)))
    boxes: list[NDArray[np.float64]] = []
    classes = []
    for _ in range(rng.integers(1, 7)):
        width = int(rng.uniform(16, 48))
        height = int(np.clip(width * rng.uniform(0.9, 1.15), 16, 52))
        for _ in range(20):
            x, y = (int(rng.uniform(0, SIZE - side)) for side in (width, height))
            box = np.array([x, y, x + width, y + height], np.float64)
            if not overlaps(box, boxes):
                break
        else:
            continue
        which = rng.integers(len(digits))
        ink = Image.fromarray(digits[which].reshape(8, 8)).resize((width, height), Image.Resampling.BICUBIC)
        level = rng.uniform(0.6, 1)
        pixels = np.asarray(canvas).copy()
        part = pixels[y : y + height, x : x + width]
        pixels[y : y + height, x : x + width] = np.maximum(part, np.asarray(ink) * level).astype(np.uint8)
        canvas = Image.fromarray(pixels)
        boxes.append(box)
        classes.append(labels[which])
    return canvas, np.array(boxes), np.array(classes, np.int64)


def targets(boxes: NDArray[np.float64], classes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Of each cell: the class of the digit whose middle is close to it, or -1; and the distances to its four sides."""
    middles = (np.arange(CELLS) + 0.5) * STRIDE
    of_cell = np.full((CELLS, CELLS), -1, np.int64)
    sides = np.zeros((4, CELLS, CELLS), np.float32)
    for (x0, y0, x1, y1), label in zip(boxes, classes, strict=True):
        reach = [max(STRIDE * 0.75, (high - low) * 0.2) for low, high in ((x0, x1), (y0, y1))]
        near_x = np.abs(middles - (x0 + x1) / 2) <= reach[0]
        near_y = np.abs(middles - (y0 + y1) / 2) <= reach[1]
        for row in np.flatnonzero(near_y):
            for column in np.flatnonzero(near_x):
                of_cell[row, column] = label
                x, y = middles[column], middles[row]
                sides[:, row, column] = np.array([x - x0, y - y0, x1 - x, y1 - y]) / STRIDE
    return of_cell, sides


def network() -> nn.Sequential:
    """Raw scores and distances, [batch, 4 + classes, cells, cells]."""
    layers: list[nn.Module] = []
    before = 1
    for channels, kernel, stride in LAYERS:
        layers += [nn.Conv2d(before, channels, kernel, stride, kernel // 2), nn.ReLU()]
        before = channels
    head = nn.Conv2d(before, 4 + CLASSES, 1)
    assert head.bias is not None
    nn.init.constant_(head.bias[4:], -4.0)  # most cells have no digit
    nn.init.constant_(head.bias[:4], 1.5)
    return nn.Sequential(*layers, head)


def loss(raw: torch.Tensor, of_cell: torch.Tensor, sides: torch.Tensor) -> torch.Tensor:
    """Focal loss of the classes and 1 - IoU of the boxes, over the cells that have a digit."""
    wanted = functional.one_hot(of_cell + 1, CLASSES + 1)[..., 1:].permute(0, 3, 1, 2).float()
    scores = raw[:, 4:]
    chance = torch.sigmoid(scores)
    off = torch.where(wanted == 1, 1 - chance, chance)
    weight = torch.where(wanted == 1, 0.4, 0.6) * off**2
    count = (of_cell >= 0).sum().clamp(min=1)
    classes = (weight * functional.binary_cross_entropy_with_logits(scores, wanted, reduction="none")).sum() / count

    given, true = (each.permute(0, 2, 3, 1)[of_cell >= 0] for each in (functional.softplus(raw[:, :4]), sides))
    low = torch.minimum(given, true)
    both = (low[:, 0] + low[:, 2]) * (low[:, 1] + low[:, 3])
    area = [(each[:, 0] + each[:, 2]) * (each[:, 1] + each[:, 3]) for each in (given, true)]
    return classes + (1 - both / (area[0] + area[1] - both + 1e-6)).sum() / count


def train(digits: NDArray[np.uint8], labels: NDArray[np.int64]) -> nn.Sequential:
    """A network trained on scenes that are drawn as they are needed."""
    rng = np.random.default_rng(common.SEED)
    model = network()
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=STEPS)
    for step in range(STEPS):
        scenes = [scene(rng, digits, labels) for _ in range(BATCH)]
        pixels = torch.tensor(np.stack([np.asarray(image, np.float32) for image, _, _ in scenes])[:, None] / 255)
        wanted = [targets(boxes, classes) for _, boxes, classes in scenes]
        of_cell, sides = (torch.tensor(np.stack(part)) for part in zip(*wanted, strict=True))
        value = loss(model(pixels), of_cell, sides)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        schedule.step()
        if step % 200 == 0:
            print(f"step {step}: loss {value.item():.3f}", flush=True)
    return model


def export(model: nn.Sequential) -> Path:
    """Write the graph: the network, then its distances as centre and size in pixels, its scores as chances."""
    nodes, constants = [], []

    def constant(name: str, value: NDArray[np.generic]) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    def add(kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    found = "images"
    convolutions = [layer for layer in model if isinstance(layer, nn.Conv2d)]
    for i, layer in enumerate(convolutions):
        assert layer.bias is not None
        weights = constant(f"weights_{i}", layer.weight.detach().numpy())
        bias = constant(f"bias_{i}", layer.bias.detach().numpy())
        pads = [layer.kernel_size[0] // 2] * 4
        found = add("Conv", [found, weights, bias], f"conv_{i}", strides=list(layer.stride), pads=pads)
        if layer is not convolutions[-1]:
            found = add("Relu", [found], f"relu_{i}")

    add("Split", [found, constant("parts", np.array([4, CLASSES], np.int64))], "sides", axis=1)
    nodes[-1].output.append("scores")
    half = STRIDE / 2
    # Of left, top, right and bottom: (right - left) / 2, (bottom - top) / 2, left + right, top + bottom.
    mix = np.array([[-half, 0, half, 0], [0, -half, 0, half], [STRIDE, 0, STRIDE, 0], [0, STRIDE, 0, STRIDE]])
    add("Softplus", ["sides"], "distances")
    add("Conv", ["distances", constant("mix", mix.astype(np.float32)[:, :, None, None])], "around")
    middles = (np.arange(CELLS, dtype=np.float32) + 0.5) * STRIDE
    grid = np.zeros((1, 4, CELLS, CELLS), np.float32)
    grid[0, 0], grid[0, 1] = middles[None, :], middles[:, None]
    add("Add", ["around", constant("grid", grid)], "boxes")
    add("Sigmoid", ["scores"], "chances")
    add("Concat", ["boxes", "chances"], "cells", axis=1)
    shape = constant("shape", np.array([0, 4 + CLASSES, CELLS * CELLS], np.int64))
    add("Reshape", ["cells", shape], "predictions")

    graph = helper.make_graph(
        nodes,
        f"{NAME}-1",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, SIZE, SIZE])],
        [helper.make_tensor_value_info("predictions", TensorProto.FLOAT, ["batch", 4 + CLASSES, CELLS * CELLS])],
        constants,
    )
    opset = [helper.make_opsetid("", common.OPSETS[""])]
    whole = helper.make_model(graph, opset_imports=opset, ir_version=common.IR_VERSION)
    onnx.checker.check_model(whole, full_check=True)
    path = common.MODELS / NAME / "1" / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(whole.SerializeToString(deterministic=True))
    return path


def iou(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of a box with others, all (x0, y0, x1, y1)."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=1)
    return both / (np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - both)


def detections(predictions: NDArray[np.float32], least: float) -> list[tuple[int, float, NDArray[np.float64]]]:
    """Class, score and box (x0, y0, x1, y1) of what is found, best first, after suppression within each class."""
    boxes, scores = predictions[:4].T.astype(np.float64), predictions[4:].T
    best = scores.argmax(axis=1)
    score = scores.max(axis=1)
    corners = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1).clip(0, SIZE)
    found: list[tuple[int, float, NDArray[np.float64]]] = []
    for i in np.argsort(-score, kind="stable"):
        if score[i] < least:
            break
        same = np.array([box for label, _, box in found if label == best[i]]).reshape(-1, 4)
        if not (iou(corners[i], same) > IOU_THRESHOLD).any():
            found.append((int(best[i]), float(score[i]), corners[i]))
    return found


def mean_average_precision(answers: list[NDArray[np.float32]], scenes: list[Scene]) -> float:
    """mAP at an IoU of 0.5: the area under precision over recall, made monotone, averaged over the classes."""
    found = [(scene_of, *each) for scene_of, answer in enumerate(answers) for each in detections(answer, 0.01)]
    found.sort(key=lambda each: -each[2])
    values = []
    for label in range(CLASSES):
        true = [boxes[classes == label] for _, boxes, classes in scenes]
        taken = [np.zeros(len(boxes), bool) for boxes in true]
        hits = []
        for scene_of, _, _, box in (each for each in found if each[1] == label):
            shared = np.where(taken[scene_of], 0, iou(box, true[scene_of]))
            hit = len(shared) > 0 and shared.max() >= 0.5
            if hit:
                taken[scene_of][shared.argmax()] = True
            hits.append(hit)
        right = np.cumsum(hits)
        recall = right / sum(map(len, true))
        precision = np.maximum.accumulate((right / np.arange(1, len(hits) + 1))[::-1])[::-1]
        values.append(float(np.sum(np.diff(recall, prepend=0) * precision)))
    return float(np.mean(values))


def png(image: Image.Image) -> str:
    """Base64 of a lossless PNG, which is what a client posts."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def main() -> None:
    torch.manual_seed(common.SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    data = load_digits()
    images = np.round(data.data * 255 / 16).astype(np.uint8)
    digits, held_digits, labels, held_labels = common.split(images, data.target, data.target)
    path = export(train(digits, labels))

    rng = np.random.default_rng(common.SEED + 1)
    scenes = [scene(rng, held_digits, held_labels) for _ in range(HELD_OUT_SCENES)]
    pixels = np.stack([np.asarray(image, np.float32) for image, _, _ in scenes])[:, None] / np.float32(255)
    answers = list(common.infer(path, pixels))
    value = round(mean_average_precision(answers, scenes), 4)
    right = sum(
        sorted(each[0] for each in detections(answer, SCORE_THRESHOLD)) == sorted(classes.tolist())
        for answer, (_, _, classes) in zip(answers, scenes, strict=True)
    )
    print(f"{NAME} 1: mAP50 {value}, all digits right in {right} of {len(scenes)}, {path.stat().st_size} bytes")

    rows = [
        {
            "input": png(image),
            "expected": [{"label": str(k), "box": b.astype(int).tolist()} for k, b in zip(classes, boxes, strict=True)],
        }
        for image, boxes, classes in scenes[:KEPT_SCENES]
    ]
    held_out = common.TRAINING / "held-out" / f"{NAME}.json"
    lines = ",\n".join("    " + json.dumps(row) for row in rows)
    head = json.dumps({"model": NAME, "metric": "mAP50", "versions": {"1": {"value": value}}}, indent=2)[:-2]
    held_out.write_text(head + f',\n  "rows": [\n{lines}\n  ]\n}}\n', encoding="utf-8")
    common.write_manifest(
        NAME,
        MANIFEST.format(
            generated=common.GENERATED.format(name="digit_detector"),
            size=SIZE,
            stride=STRIDE,
            boxes=CELLS**2,
            score_threshold=SCORE_THRESHOLD,
            iou_threshold=IOU_THRESHOLD,
            value=value,
            rows=HELD_OUT_SCENES,
        ),
    )


if __name__ == "__main__":
    main()
