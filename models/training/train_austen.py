"""Austen: a small language model that continues English prose, trained on the novels of Jane Austen."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch.nn import functional

import austen_text
import common
from decoder import Decoder, Shape
from export_decoder import check_export, export_decoder

# One thread, as in common: sums in the same order on every run.
torch.set_num_threads(1)

NAME = "austen"
END = "<|endoftext|>"
SHAPE = Shape(vocabulary=1280, context=512, layers=4, width=160, heads=5, hidden=432)
STEPS = 1400
BATCH = 8
WARM_UP = 60

MANIFEST = """\
{generated}
description: Continues English prose in the manner of Jane Austen, to the end of the paragraph.
input:
  kind: text
  tokenizer_file: tokenizer.json
  max_characters: 4096
output:
  kind: generation
  context_length: {context}
  eos_token: "{end}"
  max_tokens: 400
  default_max_tokens: 64
  temperature: 0.8
  top_p: 0.95
batching:
  max_batch_size: 32 # sequences at a time
threads: 1 # a second one costs more than it brings a model this small
versions:
  "1": {{ description: "Decoder with {layers} layers of {width}, {vocabulary} tokens", held_out: {{ metric: bits per byte, value: {bits}, rows: {rows} }} }}
card:
  data: >-
    The six novels of Jane Austen, 3.7 million characters, from Debian's package {package} 1.0.0. {train}
    paragraphs train the model; the last twentieth of each novel, {rows} paragraphs, is held out, with a perplexity of
    {perplexity} a token.
  licence: >-
    Data: in the public domain, from Project Gutenberg; the R package janeaustenr around it is under the MIT licence.
  intended_use: Demonstration and testing of text generation.
  limitations: >-
    Far too small to know or mean anything: it has the novels' words, their spelling and their grammar, and loses the
    thread within a sentence or two. English prose of around 1810 only.
"""


def train_tokenizer(texts: list[str]) -> Tokenizer:
    """Byte-level BPE: any text can be encoded. Every text begins with END, as paragraphs did in training."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SHAPE.vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    end = tokenizer.token_to_id(END)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{END} $A", special_tokens=[(END, end)])
    return tokenizer


def stream(tokenizer: Tokenizer, texts: list[str]) -> torch.Tensor:
    """All paragraphs behind one another, each begun by END."""
    return torch.tensor([token for encoded in tokenizer.encode_batch(texts) for token in encoded.ids])


def train(tokens: torch.Tensor) -> Decoder:
    """Muon for the matrices within the layers, AdamW for the rest; both rates fall to nothing."""
    torch.manual_seed(common.SEED)
    model = Decoder(SHAPE)
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and name != "embedding.weight"]
    rest = [p for name, p in model.named_parameters() if p.dim() < 2 or name == "embedding.weight"]
    optimizers = [
        torch.optim.Muon(matrices, lr=0.02, momentum=0.95, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=0.003, betas=(0.9, 0.95), weight_decay=0.0),
    ]

    def rate(step: int) -> float:
        return min((step + 1) / WARM_UP, (STEPS - step) / (STEPS - WARM_UP))

    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, rate) for optimizer in optimizers]
    positions = torch.arange(SHAPE.context).expand(BATCH, -1)
    everything = torch.ones(BATCH, SHAPE.context, dtype=torch.long)
    for step in range(STEPS):
        starts = torch.randint(len(tokens) - SHAPE.context, (BATCH, 1))
        window = tokens[starts + torch.arange(SHAPE.context + 1)]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits, _ = model(window[:, :-1], everything, positions)
        loss = functional.cross_entropy(logits.float().flatten(0, 1), window[:, 1:].flatten())
        loss.backward()
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        if step % 50 == 0 or step == STEPS - 1:
            print(f"step {step}: {loss.item():.3f}", flush=True)
    return model.eval()


def bits_per_byte(path: Path, tokens: np.ndarray, size: int) -> tuple[float, float]:
    """Bits a byte, and perplexity a token, of the exported file. Each token is told half a context or more before it.

    The end of a paragraph counts as a byte, as the line break it stands for.
    """
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    past = [np.zeros((1, SHAPE.heads, 0, SHAPE.head_size), np.float32)] * (2 * SHAPE.layers)
    names = [item.name for item in session.get_inputs()]
    half = SHAPE.context // 2
    nats, count = 0.0, 0
    for start in range(0, len(tokens) - 1, half):
        begin = max(0, start - half)
        window = tokens[None, begin : start + half + 1]
        ids = window[:, :-1]
        places = np.arange(ids.shape[1])[None]
        (logits,) = session.run(["logits"], dict(zip(names, [ids, np.ones_like(ids), places, *past], strict=True)))
        scores = torch.from_numpy(logits[0, start - begin :]).log_softmax(-1)
        told = torch.from_numpy(window[0, start - begin + 1 :])
        nats -= float(scores.gather(1, told[:, None]).sum())
        count += len(told)
    return nats / math.log(2) / size, math.exp(nats / count)


def main() -> None:
    novels = [austen_text.paragraphs(lines) for lines in austen_text.read_novels()]
    texts, held = austen_text.split(novels)
    tokenizer = train_tokenizer(texts)
    model = train(stream(tokenizer, texts))

    folder = common.MODELS / NAME
    path = folder / "1" / "model.onnx"
    export_decoder(model, path)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    tokens = stream(tokenizer, held)
    worst = check_export(model, path, tokens[: SHAPE.context // 2])
    size = sum(len(text.encode()) + 1 for text in held)
    bits, perplexity = bits_per_byte(path, tokens.numpy(), size)
    print(f"{NAME} 1: {bits:.4f} bits a byte, perplexity {perplexity:.2f}, {path.stat().st_size} bytes, off by {worst:.1e}")
    common.write_manifest(
        NAME,
        MANIFEST.format(
            generated=common.GENERATED.format(name=NAME),
            context=SHAPE.context,
            end=END,
            layers=SHAPE.layers,
            width=SHAPE.width,
            vocabulary=SHAPE.vocabulary,
            bits=round(bits, 3),
            perplexity=round(perplexity, 1),
            rows=len(held),
            train=len(texts),
            package=austen_text.PACKAGE,
        ),
    )


if __name__ == "__main__":
    main()
