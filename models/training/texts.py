"""Texts that Debian packages ship, for the models of text: translated manuals and messages, short descriptions, glosses.

Packages are fetched by `apt-get download` (Debian 12) and unpacked into a folder of their own; nothing is installed.
"""

from __future__ import annotations

import gettext
import re
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

UNPACKED = Path(tempfile.gettempdir()) / "foretell-texts"

MALLARD = "{http://projectmallard.org/1.0/}"


def package(name: str) -> Path:
    """Return the folder that a Debian package is unpacked in."""
    folder = UNPACKED / name
    if not folder.exists():
        downloads = UNPACKED / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", name], cwd=downloads, check=True, capture_output=True)
        (archive,) = downloads.glob(f"{name}_*.deb")
        subprocess.run(["dpkg", "-x", archive, folder], check=True)
    return folder


def clean(text: str) -> str:
    """A message without its markup, places for values and access keys, in one line."""
    text = re.sub(r"<[^>]*>|%[-+ #0]*\d*(?:\.\d+)?(?:l|ll|z|j)?[a-zA-Z]|%\w+%|\{[^}]*\}|\$\{?\w+\}?|--?\w[\w-]*", " ", text)
    return " ".join(text.replace("_", "").replace("&", "").split())


def worth(text: str) -> bool:
    """Whether it says something: mostly letters, and more than a label."""
    letters = sum(c.isalpha() for c in text)
    wide = sum(c > "\u2e80" for c in text)
    return letters >= (8 if wide > letters / 2 else 20) and letters > 0.6 * len(text.replace(" ", ""))


def manual(folder: Path) -> dict[tuple[str, int], str]:
    """Paragraphs and titles of a translation of GNOME Help, by page and place, so that translations can be compared."""
    found = {}
    for page in sorted(folder.glob("*/*.page")):
        root = ElementTree.parse(page).getroot()
        parts = [e for e in root.iter() if e.tag in (f"{MALLARD}p", f"{MALLARD}title", f"{MALLARD}desc")]
        for place, element in enumerate(parts):
            found[(page.name, place)] = " ".join("".join(element.itertext()).split())
    return found


def messages(package_name: str, locale: str) -> Iterator[tuple[str, str]]:
    """Pairs of an English message and its translation."""
    folder = package(package_name) / "usr/share/locale" / locale / "LC_MESSAGES"
    for file in sorted(folder.glob("*.mo")):
        with file.open("rb") as opened:
            catalogue = gettext.GNUTranslations(opened)._catalog  # noqa: SLF001: there is no other way to list it
        for key, translation in catalogue.items():
            english = key[0] if isinstance(key, tuple) else key
            if english:
                yield clean(english.split("\x04")[-1]), clean(translation)
