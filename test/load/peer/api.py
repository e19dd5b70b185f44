"""FastAPI in front of Celery: submit, get an id, read the result.

Submitting blocks the loop for half a millisecond; handing it to a thread, as `def` would, takes longer.
"""

from fastapi import FastAPI

from bodies import Batch, Single
from tasks import celery, predict

app = FastAPI()


def accepted(task) -> dict:
    return {"id": task.id, "status": "queued", "status_url": f"/jobs/{task.id}"}


@app.get("/health")
def health() -> dict:
    return {"status": "ok"}


@app.post("/predict", status_code=202)
async def submit(body: Single) -> dict:
    return accepted(predict.delay([body.input]))


@app.post("/predict-batch", status_code=202)
async def submit_batch(body: Batch) -> dict:
    return accepted(predict.delay(body.inputs))


@app.get("/jobs/{task_id}")
def read(task_id: str) -> dict:
    result = celery.AsyncResult(task_id)
    meta = result.backend.get_task_meta(task_id)
    if meta["status"] != "SUCCESS":
        return {"id": task_id, "status": "queued", "status_url": f"/jobs/{task_id}"}
    return {"id": task_id, "status": "succeeded", "outputs": meta["result"]}
