from typing import Annotated

from pydantic import BaseModel, Field

Row = Annotated[list[float], Field(min_length=4, max_length=4)]


class Single(BaseModel):
    input: Row


class Batch(BaseModel):
    inputs: list[Row]


class Prediction(BaseModel):
    label: str
    confidence: float
    probabilities: dict[str, float]
