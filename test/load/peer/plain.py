"""No queue at all: the answer is the prediction. Written the short way, without declared return types."""

from fastapi import FastAPI

import iris
from bodies import Batch, Single

app = FastAPI()


@app.get("/health")
def health():
    return {"status": "ok"}


@app.post("/predict")
def single(body: Single):
    return iris.predict([body.input])[0]


@app.post("/predict-batch")
def batch(body: Batch):
    return iris.predict(body.inputs)
