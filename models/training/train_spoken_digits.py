"""Spoken digits: a small convolutional network over log-mel energies, trained on words that espeak-ng says.

The graph takes frames as the server cuts them (`input.frame`), and computes the spectrum by itself: a windowed Fourier
transform and the mel bands are matrix products. Needs Debian's `espeak-ng` (GPL-3.0-or-later; what it says is not a work
of its authors) besides requirements.txt.
"""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from scipy.signal import resample_poly
from torch import nn

import common

NAME = "spoken-digits"
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
RATE = 8000
LENGTH = 8000  # one second
FRAME, HOP = 256, 128
MELS = 32
TOP_HZ = 3400  # nearer to half the rate, resamplers differ in what they let through
CHANNELS = 48

ACCENTS = ["en-us", "en-gb", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-029"]
SPEAKERS = """
    m1 m2 m3 m5 m6 m7 m8 f1 f2 f4 f5 klatt klatt3 klatt4 Andy Annie Alex steph edward linda adam belinda benjamin boris
    david john paul robert max michel pablo sandro travis zac Lee Mario Diogo Gene Jacky quincy rob shelby
""".split()
SPEEDS = [130, 180]
# None of these was heard in training: neither the speakers nor the accent.
HELD_SPEAKERS = ["m4", "f3", "Michael", "Alicia", "klatt2", "victor"]
HELD_ACCENTS = ["en-us", "en-gb", "en-gb-x-gbcwmd"]
HELD_SPEEDS = [120, 160]

MANIFEST = """\
{generated}
description: Hears one spoken English digit, zero to nine, in a second of sound.
input:
  kind: audio
  tensor: frames
  sample_rate: {rate}
  length: {length} # samples: a second; longer is cut, shorter is filled up with silence
  frame: {{ length: {frame}, hop: {hop} }}
  normalize: peak
output:
  kind: classification
  tensor: probabilities
  activation: none # the graph already ends in probabilities
  labels: [{labels}]
  top_k: 3
  decimals: 4
batching:
  max_batch_size: 32
  max_queue_delay_ms: 2
warmup:
  batch_sizes: [1, 32]
versions:
  "1": {{ description: "Two convolutions over {mels} log-mel bands", held_out: {{ metric: accuracy, value: {value}, rows: {rows} }} }}
card:
  data: >-
    {train} words said by espeak-ng 1.51 of Debian 12: {speakers} voices, {accents} accents, {speeds} speeds, each also
    shifted, quieter and with noise. Held out are {rows} words of {held_speakers} other voices, a third of them in an
    accent that no word of training has.
  licence: >-
    The words are synthetic, made for this model; espeak-ng itself is GPL-3.0-or-later and is no part of it.
  intended_use: Demonstration and testing of audio classification.
  limitations: >-
    Knows synthetic voices only: a human speaker, a telephone line or another language will score lower. It always
    answers with a digit, also to silence.
"""


def say(word: str, accent: str, speaker: str, speed: int) -> np.ndarray:
    """float32 in -1..1 at RATE, silence at the ends as espeak-ng leaves it."""
    done = subprocess.run(
        ["espeak-ng", "-v", f"{accent}+{speaker}", "-s", str(speed), "--stdout", word], capture_output=True, check=True
    )
    # A stream: its header does not know how long it is, so that only the rate is read.
    rate = int.from_bytes(done.stdout[24:28], "little")
    samples = np.frombuffer(done.stdout[44:], dtype="<i2").astype(np.float64) / 32768
    return resample_poly(samples, RATE, rate).astype(np.float32)


def fitted(samples: np.ndarray) -> np.ndarray:
    """As the server makes it: cut or filled up at its end, then its peak made 1."""
    whole = np.zeros(LENGTH, np.float32)
    whole[: min(LENGTH, len(samples))] = samples[:LENGTH]
    return whole / max(float(np.abs(whole).max()), 1e-9)


def framed(batch: np.ndarray) -> np.ndarray:
    count = 1 + (LENGTH - FRAME) // HOP
    at = np.arange(count)[:, None] * HOP + np.arange(FRAME)[None, :]
    return batch[:, at]


def words(accents: list[str], speakers: list[str], speeds: list[int]) -> tuple[list[np.ndarray], np.ndarray]:
    what = list(product(range(10), accents, speakers, speeds))
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda w: say(WORDS[w[0]], w[1], w[2], w[3]), what))
    return said, np.array([w[0] for w in what])


def spectrum_matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windowed cosines and sines [FRAME, bins], mel bands [bins, MELS]."""
    bins = FRAME // 2 + 1
    n, k = np.arange(FRAME)[:, None], np.arange(bins)[None, :]
    window = np.hanning(FRAME + 1)[:FRAME][:, None]
    angle = 2 * np.pi * n * k / FRAME
    mel = lambda hz: 2595 * np.log10(1 + hz / 700)
    edges = 700 * (10 ** (np.linspace(mel(60), mel(TOP_HZ), MELS + 2) / 2595) - 1)
    hz = np.arange(bins) * RATE / FRAME
    up = (hz[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2])[None]
    down = (edges[None, 2:] - hz[:, None]) / (edges[2:] - edges[1:-1])[None]
    bands = np.maximum(0, np.minimum(up, down))
    return tuple(m.astype(np.float32) for m in (window * np.cos(angle), window * np.sin(angle), bands))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(MELS, CHANNELS, 5, padding=2, stride=2)
        self.second = nn.Conv1d(CHANNELS, CHANNELS, 5, padding=2, stride=2)
        self.last = nn.Linear(CHANNELS * 16, 10)
        self.drop = nn.Dropout(0.3)

    def forward(self, mels: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(mels))
        x = torch.relu(self.second(self.drop(x)))
        return self.last(self.drop(x.flatten(1)))


def log_mels(batch: np.ndarray) -> torch.Tensor:
    cos, sin, bands = (torch.from_numpy(m) for m in spectrum_matrices())
    frames = torch.from_numpy(framed(batch))
    power = (frames @ cos) ** 2 + (frames @ sin) ** 2
    return torch.log(power @ bands + 1e-3).transpose(1, 2)


def augmented(said: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    out = np.zeros((len(said), LENGTH), np.float32)
    for i, samples in enumerate(said):
        shift = int(rng.integers(0, 1600))
        moved = np.concatenate([np.zeros(shift, np.float32), samples])
        whole = np.zeros(LENGTH, np.float32)
        whole[: min(LENGTH, len(moved))] = moved[:LENGTH]
        noise = rng.normal(0, 1, LENGTH) * 10 ** rng.uniform(-4, -1.5) * np.abs(whole).max()
        out[i] = fitted(whole + noise.astype(np.float32))
    return out


def train(said: list[np.ndarray], y: np.ndarray) -> tuple[Net, float, float]:
    torch.set_num_threads(1)
    torch.manual_seed(common.SEED)
    rng = np.random.default_rng(common.SEED)
    x = torch.cat([log_mels(np.stack([fitted(s) for s in said]))] + [log_mels(augmented(said, rng)) for _ in range(4)])
    targets = torch.from_numpy(np.tile(y, 5))
    mean, std = round(float(x.mean()), 4), round(float(x.std()), 4)
    x = (x - mean) / std
    net = Net()
    epochs, size = 20, 64
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
    steps = epochs * -(-len(x) // size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(size):
            loss = nn.functional.cross_entropy(net(x[rows]), targets[rows], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss) * len(rows)
        print(f"epoch {epoch}: {total / len(x):.4f}", flush=True)
    return net.eval(), mean, std


def export(net: Net, mean: float, std: float) -> bytes:
    cos, sin, bands = spectrum_matrices()
    weights = {name: tensor.detach().numpy() for name, tensor in net.state_dict().items()}
    scalars = {"tiny": 1e-3, "mean": mean, "std": std}
    constants = {"cos": cos, "sin": sin, "bands": bands, **weights}
    node = helper.make_node
    nodes = [
        node("MatMul", ["frames", "cos"], ["re"]),
        node("MatMul", ["frames", "sin"], ["im"]),
        node("Mul", ["re", "re"], ["re2"]),
        node("Mul", ["im", "im"], ["im2"]),
        node("Add", ["re2", "im2"], ["power"]),
        node("MatMul", ["power", "bands"], ["mel"]),
        node("Add", ["mel", "tiny"], ["mel_tiny"]),
        node("Log", ["mel_tiny"], ["log_mel"]),
        node("Sub", ["log_mel", "mean"], ["centred"]),
        node("Div", ["centred", "std"], ["scaled"]),
        node("Transpose", ["scaled"], ["bands_first"], perm=[0, 2, 1]),
        node("Conv", ["bands_first", "first.weight", "first.bias"], ["c1"], kernel_shape=[5], pads=[2, 2], strides=[2]),
        node("Relu", ["c1"], ["r1"]),
        node("Conv", ["r1", "second.weight", "second.bias"], ["c2"], kernel_shape=[5], pads=[2, 2], strides=[2]),
        node("Relu", ["c2"], ["r2"]),
        node("Flatten", ["r2"], ["flat"], axis=1),
        node("Gemm", ["flat", "last.weight", "last.bias"], ["scores"], transB=1),
        node("Softmax", ["scores"], ["probabilities"], axis=-1),
    ]
    frames = 1 + (LENGTH - FRAME) // HOP
    graph = helper.make_graph(
        nodes,
        f"{NAME}-1",
        [helper.make_tensor_value_info("frames", onnx.TensorProto.FLOAT, ["batch", frames, FRAME])],
        [helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()]
        + [numpy_helper.from_array(np.array(v, np.float32), k) for k, v in scalars.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=common.IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def main() -> None:
    said, y = words(ACCENTS, SPEAKERS, SPEEDS)
    held, y_held = words(HELD_ACCENTS, HELD_SPEAKERS, HELD_SPEEDS)
    print(f"{len(said)} words, {len(held)} held out, longest {max(map(len, said + held)) / RATE:.2f} s", flush=True)
    net, mean, std = train(said, y)
    path = common.MODELS / NAME / "1" / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(export(net, mean, std))
    answer = common.infer(path, framed(np.stack([fitted(s) for s in held])).astype(np.float32))
    value = round(common.accuracy(answer, y_held), 4)
    print(f"{NAME} 1: accuracy {value}, log loss {common.log_loss(answer, y_held):.4f}, {path.stat().st_size} bytes")
    common.write_manifest(
        NAME,
        MANIFEST.format(
            generated=common.GENERATED.format(name="spoken_digits"),
            rate=RATE,
            length=LENGTH,
            frame=FRAME,
            hop=HOP,
            mels=MELS,
            labels=", ".join(f'"{label}"' for label in range(10)),
            value=value,
            rows=len(held),
            train=len(said),
            speakers=len(SPEAKERS),
            accents=len(ACCENTS),
            speeds=len(SPEEDS),
            held_speakers=len(HELD_SPEAKERS),
        ),
    )


if __name__ == "__main__":
    main()
