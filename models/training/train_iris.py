"""Iris: logistic regression (version 1) and a small neural network (version 2) on the same split."""

from __future__ import annotations

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

import common

NAME = "iris"
FIELDS = [
    ("sepal_length", "Length of a sepal"),
    ("sepal_width", "Width of a sepal"),
    ("petal_length", "Length of a petal"),
    ("petal_width", "Width of a petal"),
]

MANIFEST = """\
{generated}
description: Tells the species of an iris flower from four measurements of its sepals and petals.
input:
  kind: tabular
  tensor: features
  fields:
{fields}
output:
  kind: classification
  tensor: probabilities
  activation: none # the graph already ends in probabilities
  labels: [{labels}]
  decimals: 4
batching:
  max_batch_size: 64
  max_queue_delay_ms: 2
warmup:
  batch_sizes: [1, 64]
versions:
  "1": {{ description: Logistic regression, held_out: {{ metric: accuracy, value: {v1}, rows: {rows} }} }}
  "2": {{ description: "Neural network, one hidden layer of 8 units", held_out: {{ metric: accuracy, value: {v2}, rows: {rows} }} }}
card:
  data: >-
    Fisher's iris data set (1936), 150 flowers of three species, as shipped in scikit-learn. {train} rows train the
    model, {rows} are held out, split evenly over the species.
  licence: >-
    Data: UCI Machine Learning Repository, Creative Commons Attribution 4.0 (https://doi.org/10.24432/C56C76), from
    scikit-learn (BSD-3-Clause).
  intended_use: Demonstration and testing of tabular classification; comparing two versions of one model.
  limitations: >-
    Only these three species, in one historical sample; any other flower still gets one of the three labels. With {rows}
    held-out rows one flower is worth 2.6 points, so the versions' difference in accuracy is within chance.
"""


def main() -> None:
    data = load_iris()
    x, x_held, y, y_held = common.split(data.data, data.target, data.target)
    mean, std = common.constants(x)
    train, held = common.standardise(x, mean, std), common.standardise(x_held, mean, std)
    estimators = {
        "1": LogisticRegression(),
        # lbfgs suits so few rows; tanh and the weight penalty keep the probabilities from saturating.
        "2": MLPClassifier(
            hidden_layer_sizes=(8,),
            activation="tanh",
            solver="lbfgs",
            alpha=0.3,
            max_iter=2000,
            random_state=common.SEED,
        ),
    }
    values, answers = {}, {}
    for version, estimator in estimators.items():
        estimator.fit(train, y)
        path = common.export(estimator, 4, NAME, version, "features", "probabilities", "probabilities", 3)
        answers[version] = common.infer(path, held)
        values[version] = round(common.accuracy(answers[version], y_held), 4)
        loss = common.log_loss(answers[version], y_held)
        print(f"{NAME} {version}: accuracy {values[version]}, log loss {loss:.4f}, {path.stat().st_size} bytes")

    labels = [str(label) for label in data.target_names]
    rows = [
        {
            "input": features.tolist(),
            "expected": labels[y_held[i]],
            "reference": {version: common.shortest(answer[i]) for version, answer in answers.items()},
        }
        for i, features in enumerate(x_held)
    ]
    common.write_held_out(NAME, "accuracy", values, rows)
    # All of them: the held-out rows alone are too few to tell a shift from chance, and the models hardly overfit.
    common.write_reference(NAME, data.data.tolist())
    fields = [common.field(*FIELDS[i], "cm", data.data[:, i], mean[i], std[i]) for i in range(4)]
    common.write_manifest(
        NAME,
        MANIFEST.format(
            generated=common.GENERATED.format(name=NAME),
            fields="\n".join(fields),
            labels=", ".join(labels),
            v1=values["1"],
            v2=values["2"],
            train=len(x),
            rows=len(rows),
        ),
    )


if __name__ == "__main__":
    main()
