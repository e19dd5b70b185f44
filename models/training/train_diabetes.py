"""Diabetes progression: ridge regression, its penalty chosen by cross-validation on the training rows.

Boosted trees and neural networks were tried too; on the training folds none beat the linear model by more than noise.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import r2_score

import common

NAME = "diabetes"
DECIMALS = 1
FIELDS: list[tuple[str, str, str | None]] = [
    ("age", "Age", "years"),
    ("sex", "Sex, coded 1 or 2; the source does not say which is which", None),
    ("bmi", "Body mass index", "kg/m²"),
    ("bp", "Average (mean arterial) blood pressure", "mmHg"),
    ("s1", "Total serum cholesterol (tc)", "mg/dL"),
    ("s2", "Low-density lipoproteins (ldl)", "mg/dL"),
    ("s3", "High-density lipoproteins (hdl)", "mg/dL"),
    ("s4", "Total cholesterol divided by hdl (tch)", None),
    ("s5", "Natural logarithm of serum triglycerides in mg/dL, as far as the source tells (ltg)", None),
    ("s6", "Blood sugar level (glu)", "mg/dL"),
]

MANIFEST = """\
{generated}
description: Estimates how far diabetes has progressed one year after ten baseline measurements.
input:
  kind: tabular
  tensor: features
  fields: # the source gives no units for the serum values; these are the customary ones that fit the numbers
{fields}
output:
  kind: regression
  tensor: progression
  mean: {mean}
  std: {std}
  decimals: {decimals}
  minimum: {minimum:g} # the range of the training rows
  maximum: {maximum:g}
  unit: points
batching:
  max_batch_size: 64
  max_queue_delay_ms: 2
warmup:
  batch_sizes: [1, 64]
versions:
  "1": {{ description: Ridge regression, held_out: {{ metric: r2, value: {v1}, rows: {rows} }} }}
card:
  data: >-
    Diabetes data set of Efron, Hastie, Johnstone and Tibshirani, "Least Angle Regression" (2004): 442 patients, raw
    (unscaled) values as shipped in scikit-learn. {train} rows train the model, {rows} are held out, split evenly over
    tenths of the target.
  licence: >-
    Data: published with the paper without an explicit licence; redistributed with scikit-learn (BSD-3-Clause).
  intended_use: Demonstration and testing of tabular regression. Not for medical decisions.
  limitations: >-
    Explains about half of the variance, so a single estimate is often 50 points off. Few patients, one study, and a
    target in the study's own unit; not validated on any other population. Answers are cut to the range seen in training.
"""


def main() -> None:
    data = load_diabetes(scaled=False)
    tenths = np.digitize(data.target, np.quantile(data.target, np.arange(0.1, 1.0, 0.1)))
    x, x_held, y, y_held = common.split(data.data, data.target, tenths)
    mean, std = common.constants(x)
    y_mean, y_std = common.constants(y, axis=None)
    train, held = common.standardise(x, mean, std), common.standardise(x_held, mean, std)
    target = (y - y_mean) / y_std
    alpha = RidgeCV(alphas=[1, 3, 10, 30, 100]).fit(train, target).alpha_
    estimator = Ridge(alpha=alpha).fit(train, target)
    path = common.export(estimator, 10, NAME, "1", "features", "variable", "progression", 1)
    raw = common.infer(path, held)[:, 0].astype(np.float64) * y_std + y_mean
    served = np.clip(np.round(raw, DECIMALS), y.min(), y.max())
    value = round(float(r2_score(y_held, served)), 4)
    error = float(np.abs(served - y_held).mean())
    print(f"{NAME} 1: r2 {value}, mean absolute error {error:.1f}, alpha {alpha}, {path.stat().st_size} bytes")

    names = [name for name, _, _ in FIELDS]
    rows = [
        {
            "input": dict(zip(names, features.tolist(), strict=True)),
            "expected": float(y_held[i]),
            "reference": {"1": [round(float(raw[i]), 6)]},
        }
        for i, features in enumerate(x_held)
    ]
    common.write_held_out(NAME, "r2", {"1": value}, rows)
    common.write_reference(NAME, [row["input"] for row in rows])
    fields = [common.field(*FIELDS[i], data.data[:, i], mean[i], std[i]) for i in range(len(FIELDS))]
    common.write_manifest(
        NAME,
        MANIFEST.format(
            generated=common.GENERATED.format(name=NAME),
            fields="\n".join(fields),
            mean=y_mean,
            std=y_std,
            decimals=DECIMALS,
            minimum=y.min(),
            maximum=y.max(),
            v1=value,
            train=len(x),
            rows=len(rows),
        ),
    )


if __name__ == "__main__":
    main()
