"""Files with a damage: bytes flipped, cut off, lengths and addresses changed, links in circles, streams broken."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import h5py
import numpy as np

SIGNATURES = b"TREE SNOD HEAP GCOL OHDR OCHK FRHP FHDB FHIB BTHD BTIN BTLF FAHD FADB EAHD EAIB EASB EADB".split()
CHECKSUMMED = frozenset(SIGNATURES[4:])
LONGEST = 2500
"""Bytes within which the checksum of a structure is looked for."""


class Anatomy(NamedTuple):
    """Where the parts of a file are: (start, stop) of structures; of those with a checksum; of chunks; addresses."""

    structures: list[tuple[int, int]]
    checked: list[tuple[int, int]]
    chunks: list[tuple[int, int]]
    addresses: list[int]
    pointers: list[int]


def anatomy(content: bytes) -> Anatomy:
    """Find the structures of a healthy file."""
    starts, chunks, objects = {0}, list[tuple[int, int]](), list[int]()

    def visit(_: str, item: Any) -> None:
        objects.append(int(h5py.h5o.get_info(item.id).addr))
        if isinstance(item, h5py.Dataset) and item.chunks:
            infos = (item.id.get_chunk_info(k) for k in range(min(item.id.get_num_chunks(), 20)))
            chunks.extend((info.byte_offset, info.byte_offset + info.size) for info in infos)

    with h5py.File(io.BytesIO(content), "r") as file:
        objects.append(int(h5py.h5o.get_info(file.id).addr))
        file.visititems(visit)
    found = [place for signature in SIGNATURES for place in _places(content, signature)]
    starts |= {*objects, *found}
    structures = [(start, min(start + 200, len(content))) for start in sorted(starts)]
    checked = [
        span
        for start in [0, *found]
        if (start == 0 or content[start : start + 4] in CHECKSUMMED) and (span := _checked(content, start))
    ]
    addresses = sorted(set(objects) | set(found))
    words = {address.to_bytes(8, "little") for address in addresses}
    pointers = [at for word in words for at in _places(content, word) if any(a <= at < b for a, b in structures)]
    return Anatomy(structures, checked, chunks, addresses, sorted(pointers))


def _places(content: bytes, part: bytes) -> Iterator[int]:
    at = content.find(part)
    while at >= 0:
        yield at
        at = content.find(part, at + 1)


def _checked(content: bytes, start: int) -> tuple[int, int] | None:
    """Return the span of a structure that ends with the checksum of what is before."""
    from numcodecs.jenkins import jenkins_lookup3

    for stop in range(start + 12, min(start + LONGEST, len(content) - 3)):
        if content[stop : stop + 4] != b"\0\0\0\0" and int(jenkins_lookup3(content[start:stop], 0)) == int.from_bytes(
            content[stop : stop + 4], "little"
        ):
            return start, stop + 4
    return None


def mutants(sources: dict[str, bytes], n: int, seed: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield n times the name of a source, of the mutant, and its bytes."""
    parts = {name: anatomy(content) for name, content in sources.items()}
    names = sorted(sources)
    for k in range(n):
        rng = np.random.default_rng([seed, k])
        name = names[k % len(names)]
        kind = KINDS[(k // len(names)) % len(KINDS)]
        content = kind(bytearray(sources[name]), parts[name], rng)
        yield name, f"{name}/{kind.__name__}/{seed}-{k}", bytes(content)


def _place(part: Anatomy, rng: np.random.Generator, size: int) -> int:
    start, stop = part.structures[rng.integers(len(part.structures))]
    return int(rng.integers(start, min(stop, size)))


def flip_in_structure(content: bytearray, part: Anatomy, rng: np.random.Generator) -> bytearray:
    """Flip a few bits of a structure."""
    for _ in range(rng.integers(1, 4)):
        content[_place(part, rng, len(content))] ^= 1 << int(rng.integers(8))
    return content


def flip_anywhere(content: bytearray, part: Anatomy, rng: np.random.Generator) -> bytearray:
    """Change bytes anywhere."""
    for _ in range(rng.integers(1, 20)):
        content[int(rng.integers(len(content)))] = int(rng.integers(256))
    return content


def byte_in_structure(content: bytearray, part: Anatomy, rng: np.random.Generator) -> bytearray:
    """Set one byte near the beginning of a structure, where versions, sizes and counts are."""
    start, _ = part.structures[rng.integers(len(part.structures))]
    at = min(start + int(rng.integers(0, 64)), len(content) - 1)
    content[at] = int(rng.choice([0, 1, 2, 3, 4, 5, 8, 16, 127, 128, 255, rng.integers(256)]))
    return content


def truncate(content: bytearray, part: Anatomy, rng: np.random.Generator) -> bytearray:
    """Cut the file off somewhere."""
    return content[: int(rng.integers(1, len(content)))]


def wipe(content: bytearray, part: Anatomy, rng: np.random.Generator) -> bytearray:
    """Overwrite a stretch with one byte."""
    at, length = _place(part, rng, len(content)), int(rng.integers(2, 100))
    content[at : at + length] = bytes([int(rng.choice([0, 255, 65]))]) * len(content[at : at + length])
    return content


def number_in_structure(content: bytearray, part: Anatomy, rng: np.random.Generator) -> bytearray:
    """Put an odd number in the place of a length, a count or an address."""
    width = int(rng.choice([2, 4, 8]))
    at = min(_place(part, rng, len(content)) & ~(width - 1), len(content) - width)
    size, address = len(content), int(rng.choice(part.addresses))
    powers = (1 << 31, (1 << 31) - 1, 1 << 32, 1 << 62, (1 << 64) - 1)
    odd = (0, 1, size, size - 1, size - 8, *powers, address, address + 8)
    number = odd[rng.integers(len(odd))] & ((1 << 8 * width) - 1)
    content[at : at + width] = number.to_bytes(width, "little")
    return content


def pointer(content: bytearray, part: Anatomy, rng: np.random.Generator) -> bytearray:
    """Let an address lead to another structure, often to one above: circles."""
    for _ in range(rng.integers(1, 3)):
        at = int(rng.choice(part.pointers))
        content[at : at + 8] = int(rng.choice(part.addresses)).to_bytes(8, "little")
    return content


def stream(content: bytearray, part: Anatomy, rng: np.random.Generator) -> bytearray:
    """Damage the bytes of a chunk."""
    if not part.chunks:
        return flip_anywhere(content, part, rng)
    start, stop = part.chunks[rng.integers(len(part.chunks))]
    for _ in range(rng.integers(1, 4)):
        content[int(rng.integers(start, max(stop, start + 1)))] ^= 1 << int(rng.integers(8))
    return content


def swap(content: bytearray, part: Anatomy, rng: np.random.Generator) -> bytearray:
    """Copy one structure over another."""
    first, second = (int(rng.choice(part.addresses)) for _ in range(2))
    length = int(rng.choice([8, 24, 64, 128]))
    copied = content[first : first + length]
    content[second : second + len(copied)] = copied[: len(content) - second]
    return content


def behind_checksum(content: bytearray, part: Anatomy, rng: np.random.Generator) -> bytearray:
    """Damage a structure and make its checksum right again."""
    from numcodecs.jenkins import jenkins_lookup3

    if not part.checked:
        return number_in_structure(content, part, rng)
    start, stop = part.checked[rng.integers(len(part.checked))]
    for _ in range(rng.integers(1, 3)):
        width = int(rng.choice([1, 1, 2, 4, 8]))
        at = int(rng.integers(start + 4, max(stop - 4 - width, start + 5)))
        odd = (0, 1, 2, 3, 255, len(content), 1 << 31, (1 << 64) - 1, int(rng.choice(part.addresses)))
        number = odd[rng.integers(len(odd))] if rng.random() < 0.7 else int(rng.integers(1 << 62))
        content[at : at + width] = (number & ((1 << 8 * width) - 1)).to_bytes(width, "little")
    body = bytes(content[start : stop - 4])
    content[stop - 4 : stop] = int(jenkins_lookup3(body, 0)).to_bytes(4, "little")
    return content


KINDS = (
    flip_in_structure,
    pointer,
    number_in_structure,
    behind_checksum,
    byte_in_structure,
    stream,
    behind_checksum,
    number_in_structure,
    swap,
    truncate,
    pointer,
    wipe,
    flip_anywhere,
)
