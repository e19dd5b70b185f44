"""The novels of Jane Austen, as Debian's package r-cran-janeaustenr ships them: paragraphs, with the end held out."""

from __future__ import annotations

import struct
import zlib

from texts import package

# Project Gutenberg's plain texts, in the public domain; the package around them is under the MIT licence.
PACKAGE = "r-cran-janeaustenr"
DATABASE = "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb"
HELD_OUT = 0.05


def read_novels() -> list[list[str]]:
    """The lines of each novel. R keeps each as a compressed vector of strings, behind its length (R Internals, 1.8)."""
    rest = (package(PACKAGE) / DATABASE).read_bytes()
    novels = []
    while rest:
        chunk = zlib.decompressobj()
        novels.append(_strings(chunk.decompress(rest[4:])))
        rest = chunk.unused_data
    return novels


def _strings(xdr: bytes) -> list[str]:
    """The vector of strings that starts after the header: a length and, for each, flags, a length and UTF-8."""
    (encoding,) = struct.unpack_from(">i", xdr, 14)
    at = 18 + encoding
    kind, count = struct.unpack_from(">ii", xdr, at)
    if xdr[:2] != b"X\n" or kind & 0xFF != 16:
        raise ValueError("this is no vector of strings")
    at += 8
    lines = []
    for _ in range(count):
        (size,) = struct.unpack_from(">i", xdr, at + 4)
        lines.append(xdr[at + 8 : at + 8 + size].decode("utf-8"))
        at += 8 + size
    return lines


def paragraphs(lines: list[str]) -> list[str]:
    """Paragraphs on one line each; headings and what stands before the first are left out, and marks of italics."""
    found = ["" if not line else line.strip() for line in lines]
    parts = [" ".join(part.split()) for part in "\n".join(found).split("\n\n")]
    first = next(i for i, part in enumerate(parts) if part.lower().startswith("chapter"))
    kept = [part for part in parts[first:] if part != part.upper() and not part.startswith("Chapter")]
    return [part.replace("_", "").replace("--", "—") for part in kept]


def split(novels: list[list[str]]) -> tuple[list[str], list[str]]:
    """Training and held-out paragraphs: the last twentieth of each novel trains nothing."""
    train: list[str] = []
    held: list[str] = []
    for novel in novels:
        cut = round(len(novel) * (1 - HELD_OUT))
        train += novel[:cut]
        held += novel[cut:]
    return train, held
