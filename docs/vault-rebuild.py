#!/usr/bin/env python3
"""Rebuilds an archive of a vault without Roost: vault-rebuild.py STORE/SERVER/BACKUP.recipe > backup.tar.gz"""
import glob, hashlib, os, struct, sys, uuid

path = sys.argv[1]
here = os.path.dirname(path) or '.'


def ranges(data, at, packs, count):
    """Ids of 16 bytes, then (pack, start less the end before, length) as numbers of seven bits a byte."""
    ids = [str(uuid.UUID(bytes=data[at + 16 * i:at + 16 * i + 16])) for i in range(packs)]
    at += 16 * packs
    ends = [0] * packs
    for _ in range(count):
        numbers = []
        for _ in range(3):
            value = shift = 0
            while True:
                byte = data[at]
                at += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            numbers.append(value)
        pack, skip, length = numbers
        start = ends[pack] + (skip >> 1 if skip % 2 == 0 else -(skip + 1 >> 1))
        ends[pack] = start + length
        yield ids[pack], start, length


moved = {}  # pack -> (start, length, pack that holds it now, offset there), from the maps
for name in sorted(glob.glob(os.path.join(here, '*.map'))):
    data = open(name, 'rb').read()
    magic, version, packs, count = struct.unpack_from('<8sIII', data)
    assert magic == b'ROOSTMAP' and version == 1
    offset = 0
    if os.path.exists(name[:-4] + '.pack'):
        for pack, start, length in ranges(data, 20, packs, count):
            moved.setdefault(pack, []).append((start, length, name[:-4] + '.pack', offset))
            offset += length


def places(pack, start, length):
    """Where a range lies now: by the maps, else in its own pack."""
    while length:
        found = [m for m in moved.get(pack, []) if m[0] <= start < m[0] + m[1]]
        if found:
            begin, size, file, offset = found[0]
            taken = min(length, begin + size - start)
            yield file, offset + start - begin, taken
        else:
            taken = min([length] + [m[0] - start for m in moved.get(pack, []) if m[0] > start])
            yield os.path.join(here, pack + '.pack'), start, taken
        start += taken
        length -= taken


data = open(path, 'rb').read()
magic, version, _, size, count, packs, sha256 = struct.unpack_from('<8sIIQII32s', data)
assert magic == b'ROOSTRCP' and version == 1
whole = hashlib.sha256()
for pack, start, length in ranges(data, 64, packs, count):
    for file, offset, left in places(pack, start, length):
        with open(file, 'rb') as opened:
            opened.seek(offset)
            while left:
                piece = opened.read(min(left, 1 << 20))
                assert piece, 'a pack is too short'
                whole.update(piece)
                sys.stdout.buffer.write(piece)
                left -= len(piece)
assert whole.digest() == sha256, 'not the bytes that were backed up'
