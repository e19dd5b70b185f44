"""What the three training scripts share: split, scaling, ONNX export, scoring inputs and file writing.

Scaling is deliberately *not* part of the exported graph. The server applies `(x - mean) / std` from model.yaml, so the
constants here are rounded once, before training, and the very same digits are written to the manifest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import yaml
from numpy.typing import NDArray
from onnx import helper
from onnx.utils import Extractor
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

Array = NDArray[Any]

# One thread: the number of cores would otherwise change the order of sums, and so the trained weights.
threadpool_limits(1)

SEED = 0
OPSETS = {"": 21, "ai.onnx.ml": 3}
IR_VERSION = 10
TRAINING = Path(__file__).resolve().parent
MODELS = TRAINING.parent


def split(x: Array, y: Array, strata: Array) -> tuple[Array, Array, Array, Array]:
    """Return train x, held-out x, train y, held-out y: a quarter held out, the same rows on every run."""
    parts = train_test_split(x, y, test_size=0.25, random_state=SEED, stratify=strata)
    return parts[0], parts[1], parts[2], parts[3]


def constants(values: Array, axis: int | None = 0) -> tuple[Array, Array]:
    """Mean and standard deviation, rounded to the digits the manifest shows so that training and serving agree."""
    return np.round(values.mean(axis=axis), 6), np.round(values.std(axis=axis), 6)


def standardise(x: Array, mean: Array, std: Array) -> Array:
    """Scale in float64 and narrow to float32 last, in the order the server does it."""
    return ((x - mean) / std).astype(np.float32)


def export(
    estimator: BaseEstimator, columns: int, name: str, version: str, tensor: str, found: str, wanted: str, width: int
) -> Path:
    """Write models/<name>/<version>/model.onnx with one input `tensor` and one output, `found` renamed to `wanted`.

    The graph is cut down to that output (a classifier's label is left out: the server derives it from the manifest's
    labels), and both ends are declared with a symbolic first dimension so that requests can be batched.
    """
    options = {id(estimator): {"zipmap": False}} if wanted == "probabilities" else None
    model = to_onnx(
        estimator,
        initial_types=[(tensor, FloatTensorType([None, columns]))],
        options=options,
        target_opset=OPSETS,
        name=f"{name}-{version}",  # otherwise a random name: a re-run would change the file
    )
    model = Extractor(model).extract_model([tensor], [found])
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [wanted if item == found else item for item in names]
    del model.graph.input[:], model.graph.output[:], model.graph.value_info[:]
    model.graph.input.append(helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, ["batch", columns]))
    model.graph.output.append(helper.make_tensor_value_info(wanted, onnx.TensorProto.FLOAT, ["batch", width]))
    model.graph.name = f"{name}-{version}"
    model.ir_version = IR_VERSION
    used = {node.domain for node in model.graph.node}
    del model.opset_import[:]  # the converter repeats some and declares others that are not used
    model.opset_import.extend(helper.make_opsetid(domain, OPSETS[domain]) for domain in sorted(used))
    onnx.checker.check_model(model, full_check=True)

    path = MODELS / name / version / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def infer(path: Path, x: Array) -> Array:
    """What the exported file answers: every published score comes from here, never from the estimator in memory."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {session.get_inputs()[0].name: x})
    return np.asarray(answer)


def accuracy(probabilities: Array, y: Array) -> float:
    """Share of rows whose most probable class is the true one."""
    return float((probabilities.argmax(axis=1) == y).mean())


def log_loss(probabilities: Array, y: Array) -> float:
    """Mean negative log-probability of the true class: lower is better calibrated."""
    return float(-np.log(probabilities[np.arange(len(y)), y]).mean())


def shortest(values: Array) -> list[float]:
    """Shortest decimals that read back as the same float32, which keeps the held-out files small and exact."""
    return [float(str(value)) for value in values.astype(np.float32)]


def write_held_out(name: str, metric: str, values: dict[str, float], rows: list[dict[str, Any]]) -> None:
    """Write held-out/<name>.json, one row a line so that a diff stays readable."""
    head = {"model": name, "metric": metric, "versions": {v: {"value": score} for v, score in values.items()}}
    lines = ",\n".join("    " + json.dumps(row, ensure_ascii=False) for row in rows)
    text = json.dumps(head, indent=2)[:-2] + f',\n  "rows": [\n{lines}\n  ]\n}}\n'
    json.loads(text)
    path = TRAINING / "held-out" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_reference(name: str, inputs: list[Any]) -> None:
    """Write models/<name>/reference.jsonl, which drift is told by: what a client would post as `input`, one a line."""
    text = "".join(json.dumps(value) + "\n" for value in inputs)
    (MODELS / name / "reference.jsonl").write_text(text, encoding="utf-8")


def write_manifest(name: str, text: str) -> None:
    """Write models/<name>/model.yaml after checking that it parses."""
    yaml.safe_load(text)
    (MODELS / name / "model.yaml").write_text(text, encoding="utf-8")


def field(name: str, description: str, unit: str | None, column: Array, mean: float, std: float) -> str:
    """One line of `input.fields`; the declared range is that of the whole data set, held-out rows included."""
    parts = [f"name: {name}", f"description: {json.dumps(description, ensure_ascii=False)}"]
    if unit:
        parts.append(f"unit: {json.dumps(unit, ensure_ascii=False)}")
    parts += [f"minimum: {column.min():g}", f"maximum: {column.max():g}", f"mean: {mean!s}", f"std: {std!s}"]
    return "    - { " + ", ".join(parts) + " }"


GENERATED = "# Written by models/training/train_{name}.py: change the script, not this file."
