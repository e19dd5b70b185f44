"""Language: tells which of 24 languages a text is in, by byte-level BPE, embeddings, one convolution and pooling."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import nn

import common
import texts

NAME = "language"
# Name, locale of messages, folder of the manual.
LANGUAGES = {
    "ca": ("Catalan", "ca", "ca"),
    "cs": ("Czech", "cs", "cs"),
    "da": ("Danish", "da", "da"),
    "de": ("German", "de", "de"),
    "el": ("Greek", "el", "el"),
    "en": ("English", None, "C"),
    "es": ("Spanish", "es", "es"),
    "fi": ("Finnish", "fi", "fi"),
    "fr": ("French", "fr", "fr"),
    "hu": ("Hungarian", "hu", "hu"),
    "id": ("Indonesian", "id", "id"),
    "it": ("Italian", "it", "it"),
    "ja": ("Japanese", "ja", "ja"),
    "ko": ("Korean", "ko", "ko"),
    "nl": ("Dutch", "nl", "nl"),
    "pl": ("Polish", "pl", "pl"),
    "pt": ("Portuguese", "pt", "pt_BR"),
    "ro": ("Romanian", "ro", "ro"),
    "ru": ("Russian", "ru", "ru"),
    "sv": ("Swedish", "sv", "sv"),
    "tr": ("Turkish", "tr", "tr"),
    "uk": ("Ukrainian", "uk", "uk"),
    "vi": ("Vietnamese", "vi", "vi"),
    "zh": ("Chinese", "zh_CN", "zh_CN"),
}
TRAINING_PACKAGES = ["libgtk-3-common", "libglib2.0-data", "evolution-common", "nautilus-data", "gimp-data"]
# Other programs, other authors: what is held out shares neither messages nor subject with what trains.
HELD_OUT_PACKAGES = ["coreutils", "gnupg-l10n", "util-linux-locales"]
PER_LANGUAGE, HELD_PER_LANGUAGE = 6000, 150
VOCABULARY, WIDTH, CHANNELS = 6000, 48, 96
MAX_LENGTH, STEPS, BATCH = 256, 4000, 96

MANIFEST = """\
{generated}
description: Tells which of 24 languages a text is in.
input:
  kind: text
  tokenizer_file: tokenizer.json
  max_length: {max_length} # tokens; what is beyond them is cut off
  max_characters: 10000
  buckets: [16, 32, 64, 128, 256]
output:
  kind: classification
  tensor: logits
  activation: softmax
  labels: [{labels}] # ISO 639-1
  decimals: 4
batching:
  max_batch_size: 64
  max_queue_delay_ms: 2
warmup:
  batch_sizes: [1, 64]
versions:
  "1": {{ description: "{vocabulary} subwords, one convolution over them", held_out: {{ metric: accuracy, value: {value}, rows: {rows} }} }}
card:
  data: >-
    Trained on GNOME Help in 24 languages and the translated messages of GTK, GLib, Evolution, Nautilus and GIMP;
    held out are messages of coreutils, GnuPG and util-linux: other programs, translated by others. All as Debian 12
    ships them.
  licence: >-
    GNOME Help: CC-BY-SA-3.0. Messages: the licences of their programs (LGPL-2.1+, GPL-2+, GPL-3+).
  intended_use: Demonstration and testing of text classification; telling the language of a sentence or more.
  limitations: >-
    Only these 24 languages, in their usual script; a text in another still gets one of the labels. Taught by manuals
    and messages of programs: names, slang, mixed languages and single words mislead it.{confused}
"""


def training_texts(label: str) -> list[str]:
    _, locale, folder = LANGUAGES[label]
    help_pages = texts.package("gnome-user-docs") / "usr/share/help"
    english = texts.manual(help_pages / "C")
    own = texts.manual(help_pages / folder)
    found = [text for at, text in own.items() if label == "en" or text != english.get(at)]
    for name in TRAINING_PACKAGES:
        pairs = texts.messages(name, locale or "de")
        found += [english if locale is None else own for english, own in pairs if english != own]
    found = sorted({text for text in found if texts.worth(text)})
    random.Random(f"{common.SEED}{label}").shuffle(found)
    return found[:PER_LANGUAGE]


def held_out_texts(label: str, known: set[str]) -> list[str]:
    locale = LANGUAGES[label][1]
    found = set()
    for name in HELD_OUT_PACKAGES:
        for english, own in texts.messages(name, locale or "de"):
            text = english if locale is None else own
            if english != own and text not in known and texts.worth(text):
                found.add(text)
    chosen = sorted(found)
    random.Random(f"{common.SEED}{label}").shuffle(chosen)
    return chosen[:HELD_PER_LANGUAGE]


def trained_tokenizer(corpus: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["[PAD]"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.convolution = nn.Conv1d(WIDTH, CHANNELS, 3, padding=1)
        self.scores = nn.Linear(2 * CHANNELS, len(LANGUAGES))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        mask = mask[:, None].float()
        # Filling is all zeros to the convolution, as what is beyond the ends is: so it cannot be told from nothing.
        embedded = self.embedding(ids).transpose(1, 2) * mask
        features = torch.relu(self.convolution(embedded)) * mask
        mean = features.sum(2) / mask.sum(2)
        return self.scores(torch.cat([features.amax(2), mean], 1))


def piece_of(text: str, chance: random.Random) -> str:
    """Some words in a row, at times shouted, so that short texts and capitals are known as well."""
    words = text.split()
    if chance.random() < 0.7 and len(words) > 2:
        length = chance.randint(2, min(len(words), 16))
        start = chance.randrange(len(words) - length + 1)
        text = " ".join(words[start : start + length])
    elif len(words) <= 2 and len(text) > 12 and chance.random() < 0.5:
        start = chance.randrange(len(text) - 10)
        text = text[start : start + chance.randint(6, 40)]
    cased = chance.random()
    return text.upper() if cased < 0.05 else text.lower() if cased < 0.15 else text


def batches(corpus: list[tuple[str, int]], tokenizer: Tokenizer) -> Iterator[tuple[torch.Tensor, ...]]:
    chance = random.Random(common.SEED)
    while True:
        chosen = [corpus[chance.randrange(len(corpus))] for _ in range(BATCH)]
        encoded = [e.ids[:96] for e in tokenizer.encode_batch([piece_of(text, chance) for text, _ in chosen])]
        longest = max(map(len, encoded))
        ids = torch.tensor([e + [0] * (longest - len(e)) for e in encoded])
        yield ids, torch.tensor([[i < len(e) for i in range(longest)] for e in encoded]), torch.tensor([c for _, c in chosen])


def train(corpus: list[tuple[str, int]], tokenizer: Tokenizer) -> Network:
    torch.manual_seed(common.SEED)
    torch.set_num_threads(1)
    network = Network()
    optimiser = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, STEPS, pct_start=0.05)
    source = batches(corpus, tokenizer)
    for step in range(STEPS):
        ids, mask, labels = next(source)
        loss = nn.functional.cross_entropy(network(ids, mask), labels, label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 500 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    return network.eval()


def export(network: Network) -> str:
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    constants = {
        "embedding": weights["embedding.weight"],
        "filters": weights["convolution.weight"],
        "filters_bias": weights["convolution.bias"],
        "classes": weights["scores.weight"].T.copy(),
        "classes_bias": weights["scores.bias"],
        "one": np.array([1], np.int64),
        "two": np.array([2], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["kept"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["kept", "one"], ["mask"]),
        helper.make_node("Gather", ["embedding", "input_ids"], ["looked_up"]),
        helper.make_node("Transpose", ["looked_up"], ["columns"], perm=[0, 2, 1]),
        helper.make_node("Mul", ["columns", "mask"], ["embedded"]),
        helper.make_node("Conv", ["embedded", "filters", "filters_bias"], ["convolved"], pads=[1, 1]),
        helper.make_node("Relu", ["convolved"], ["positive"]),
        helper.make_node("Mul", ["positive", "mask"], ["features"]),
        helper.make_node("ReduceMax", ["features", "two"], ["highest"], keepdims=0),
        helper.make_node("ReduceSum", ["features", "two"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "two"], ["length"], keepdims=0),
        helper.make_node("Div", ["sum", "length"], ["mean"]),
        helper.make_node("Concat", ["highest", "mean"], ["pooled"], axis=1),
        helper.make_node("Gemm", ["pooled", "classes", "classes_bias"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        f"{NAME}-1",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(LANGUAGES)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(
        graph, ir_version=common.IR_VERSION, opset_imports=[helper.make_opsetid("", common.OPSETS[""])]
    )
    onnx.checker.check_model(model, full_check=True)
    path = common.MODELS / NAME / "1" / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return str(path)


def scores(path: str, tokenizer: Tokenizer, rows: list[str]) -> np.ndarray:
    """What the exported file answers, one text at a time: nothing is filled up."""
    session = common.onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = []
    for text in rows:
        ids = np.array([tokenizer.encode(text).ids[:MAX_LENGTH]], np.int64)
        found.append(session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0])
    return np.array(found)


def main() -> None:
    labels = list(LANGUAGES)
    corpus = [(text, i) for i, label in enumerate(labels) for text in training_texts(label)]
    known = {text for text, _ in corpus}
    held = [(text, i) for i, label in enumerate(labels) for text in held_out_texts(label, known)]
    print({label: sum(c == i for _, c in corpus) for i, label in enumerate(labels)})
    print({label: sum(c == i for _, c in held) for i, label in enumerate(labels)})
    tokenizer = trained_tokenizer([text for text, _ in corpus])
    (common.MODELS / NAME).mkdir(exist_ok=True)
    # On one line: half the size.
    file = common.MODELS / NAME / "tokenizer.json"
    file.write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n")
    path = export(train(corpus, tokenizer))
    truth = np.array([c for _, c in held])
    logits = scores(path, tokenizer, [text for text, _ in held])
    wrong = np.flatnonzero(logits.argmax(1) != truth)
    value = round(1 - len(wrong) / len(held), 4)
    for length in (3, 5, 10):
        cut = [(" ".join(t.split()[:length]), c) for t, c in held if len(t.split()) >= length]
        best = scores(path, tokenizer, [t for t, _ in cut]).argmax(1)
        print(f"first {length} words: accuracy {(best == np.array([c for _, c in cut])).mean():.4f} of {len(cut)}")
    pairs = [f"{labels[truth[i]]} as {labels[logits[i].argmax()]}" for i in wrong]
    most = sorted(set(pairs), key=lambda p: (-pairs.count(p), p))[:3]
    print(f"accuracy {value} of {len(held)}; most often {[(p, pairs.count(p)) for p in most]}")
    for i in wrong[:20]:
        print(labels[truth[i]], labels[logits[i].argmax()], held[i][0][:90])
    confused = f"\n    Of what was held out it mistook most often {', '.join(most)}." if most else ""
    rows = [{"input": text, "expected": labels[c], "reference": {}} for text, c in held]
    common.write_held_out(NAME, "accuracy", {"1": value}, rows)
    common.write_manifest(
        NAME,
        MANIFEST.format(
            generated=common.GENERATED.format(name=NAME),
            labels=", ".join('"no"' if label == "no" else label for label in labels),
            max_length=MAX_LENGTH,
            vocabulary=VOCABULARY,
            value=value,
            rows=len(held),
            confused=confused,
        ),
    )


if __name__ == "__main__":
    main()
