"""The Celery worker. Broker and result backend: the same Redis."""

import os

from celery import Celery

import iris

celery = Celery("peer", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])


@celery.task
def predict(rows: list[list[float]]) -> list[dict]:
    return iris.predict(rows)
