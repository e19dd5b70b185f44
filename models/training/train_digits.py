"""Digits: a neural network over 8x8 grey images, trained on the pixels as the server sees them (0..255, then scaled)."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import common

NAME = "digits"
SCALE = 1 / 255

MANIFEST = """\
{generated}
description: Reads one handwritten digit from a small grey image, white ink on black.
input:
  kind: image
  tensor: pixels
  width: 8
  height: 8
  channels: grayscale
  layout: flat
  fit: fill
  scale: {scale!r}
  mean: [{mean}]
  std: [{std}]
output:
  kind: classification
  tensor: probabilities
  activation: none # the graph already ends in probabilities
  labels: [{labels}]
  top_k: 3
  decimals: 4
batching:
  max_batch_size: 64
  max_queue_delay_ms: 2
warmup:
  batch_sizes: [1, 64]
versions:
  "1": {{ description: "Neural network, one hidden layer of 128 units", held_out: {{ metric: accuracy, value: {v1}, rows: {rows} }} }}
card:
  data: >-
    Optical recognition of handwritten digits (Alpaydin and Kaynak, 1998), the 1797 images of 8x8 pixels shipped in
    scikit-learn. {train} train the model, {rows} are held out, split evenly over the digits.
  licence: >-
    Data: UCI Machine Learning Repository, Creative Commons Attribution 4.0 (https://doi.org/10.24432/C50P49), from
    scikit-learn (BSD-3-Clause).
  intended_use: Demonstration and testing of image classification.
  limitations: >-
    Expects one digit that fills the frame, light ink on a dark ground; a photograph of dark ink on paper has to be
    inverted and cropped first. Larger images are shrunk to 8x8, which loses thin strokes. The same writers appear
    in the training and the held-out rows, so new handwriting will score lower.
"""


def png(image: np.ndarray) -> str:
    """Base64 of a lossless 8x8 PNG, which is what a client posts."""
    buffer = io.BytesIO()
    Image.fromarray(image.reshape(8, 8)).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def main() -> None:
    data = load_digits()
    images = np.round(data.data * 255 / 16).astype(np.uint8)
    x, x_held, y, y_held = common.split(images, data.target, data.target)
    mean, std = common.constants(x * SCALE, axis=None)
    train, held = common.standardise(x * SCALE, mean, std), common.standardise(x_held * SCALE, mean, std)
    estimator = MLPClassifier(hidden_layer_sizes=(128,), alpha=0.01, max_iter=400, random_state=common.SEED)
    estimator.fit(train, y)
    path = common.export(estimator, 64, NAME, "1", "pixels", "probabilities", "probabilities", 10)
    answer = common.infer(path, held)
    value = round(common.accuracy(answer, y_held), 4)
    print(f"{NAME} 1: accuracy {value}, log loss {common.log_loss(answer, y_held):.4f}, {path.stat().st_size} bytes")

    rows = [
        {"input": png(image), "expected": str(y_held[i]), "reference": {"1": common.shortest(answer[i])}}
        for i, image in enumerate(x_held)
    ]
    common.write_held_out(NAME, "accuracy", {"1": value}, rows)
    common.write_reference(NAME, [row["input"] for row in rows])
    common.write_manifest(
        NAME,
        MANIFEST.format(
            generated=common.GENERATED.format(name=NAME),
            scale=SCALE,
            mean=mean,
            std=std,
            labels=", ".join(f'"{label}"' for label in data.target_names),
            v1=value,
            train=len(x),
            rows=len(rows),
        ),
    )


if __name__ == "__main__":
    main()
