"""As plain.py, but the best of it: Pydantic writes the answers (declared types), and no thread is asked for a small one."""

from fastapi import FastAPI

import iris
from bodies import Batch, Prediction, Single

app = FastAPI()


@app.get("/health")
def health() -> dict:
    return {"status": "ok"}


@app.post("/predict")
async def single(body: Single) -> Prediction:
    return iris.predict([body.input])[0]


@app.post("/predict-batch")
def batch(body: Batch) -> list[Prediction]:
    return iris.predict(body.inputs)
