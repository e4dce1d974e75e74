#!/usr/bin/env python3
"""Rebuilds an archive of a vault without Roost: vault-rebuild.py STORE/SERVER/BACKUP.recipe > backup.tar.gz

Ends with 0 only when the output has the sha256 of what was backed up. Takes the files for data of strangers: what is no
recipe or map is refused, links are not followed, and the time grows with the bytes that are written.
"""
import bisect, hashlib, os, stat, struct, sys, uuid, zlib

LONGEST = 32 << 20  # bytes of a recipe or map
MOST = 1 << 20  # ranges of one
PIECE = 1 << 20


def fail(why):
    sys.exit('vault-rebuild.py: ' + why)


def opened(name):
    try:
        file = open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), 'rb', buffering=0)
    except OSError as error:
        fail('cannot open %s: %s' % (name, error.strerror))
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        fail(name + ' is no file')
    return file


def listed(name, magic, head):
    """The head of a recipe or map, and its ranges as (pack, start, length)."""
    with opened(name) as file:
        data = file.read(LONGEST + 1)
    size = struct.calcsize(head)
    if not size + 4 <= len(data) <= LONGEST or data[:8] != magic:
        fail(name + ' is none of a vault')
    if zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], 'little'):
        fail(name + ' does not match its checksum')
    fields = struct.unpack_from(head, data)
    if fields[1] != 1:
        fail('%s is of version %d' % (name, fields[1]))
    packs, count = fields[-2:] if magic == b'ROOSTMAP' else (fields[5], fields[4])
    at = size + 16 * packs
    if packs > count or count > MOST or at + 3 * count + 4 > len(data):
        fail(name + ' is too short for its ranges')
    ids = [str(uuid.UUID(bytes=data[i:i + 16])) for i in range(size, at, 16)]
    ends, ranges = [0] * packs, []
    for _ in range(count):
        numbers = []
        for _ in range(3):
            # Seven bits a byte, the lowest first.
            value = 0
            for shift in range(0, 56, 7):
                value |= (data[at] & 127) << shift if at < len(data) - 4 else fail(name + ' ends early')
                at += 1
                if data[at - 1] < 128:
                    break
            else:
                fail(name + ' has a number that is too long')
            numbers.append(value)
        pack, skip, length = numbers
        if pack >= packs or length == 0:
            fail(name + ' has a range that is nowhere')
        # Less where the range before in that pack ended.
        start = ends[pack] + (skip >> 1 if skip % 2 == 0 else -(skip + 1 >> 1))
        ends[pack] = start + length
        if start < 0:
            fail(name + ' has a range that is nowhere')
        ranges.append((ids[pack], start, length))
    if at != len(data) - 4:
        fail('something follows the ranges of ' + name)
    return fields, ranges


def overlaid(first, second):
    """All of the first, and what the second has between its ranges: (start, end, file, offset), by start."""
    rows, at, said = list(first), 0, 0
    for start, end, file, offset in sorted(second):
        free, said = max(start, said), max(said, end)
        while free < end:
            while at < len(first) and first[at][1] <= free:
                at += 1
            stop = min(end, first[at][0]) if at < len(first) else end
            if free < stop:
                rows.append((free, stop, file, offset + free - start))
            free = max(free, first[at][1]) if at < len(first) else end
    return sorted(rows)


def places(pack, start, length):
    """Where a range lies now: by the maps, else in its own pack."""
    starts, rows = moved.get(pack, ([], []))
    at, end = bisect.bisect_right(starts, start), start + length
    if at > 0 and rows[at - 1][1] > start:
        at -= 1
    while start < end:
        row = rows[at] if at < len(rows) and rows[at][0] < end else None
        if row is None or start < row[0]:
            stop = end if row is None else row[0]
            yield os.path.join(here, pack + '.pack'), start, stop - start
        else:
            stop = min(end, row[1])
            yield row[2], row[3] + start - row[0], stop - start
            at += 1
        start = stop


if len(sys.argv) != 2:
    sys.exit(__doc__)
path = sys.argv[1]
here = os.path.dirname(path) or '.'
moved = {}  # pack -> where its bytes are now; of two maps that name a byte, the one with the lower id counts
for name in sorted(os.listdir(here)):
    pack = os.path.join(here, name[:-4] + '.pack')
    if not name.endswith('.map') or not os.path.exists(pack):
        continue
    offset, fresh = 0, {}
    try:
        said = listed(os.path.join(here, name), b'ROOSTMAP', '<8sIII')[1]
    except SystemExit as why:
        # What only this map could find makes another sha256; all else is found without it.
        print('%s; going on without it' % why, file=sys.stderr)
        continue
    for born, start, length in said:
        fresh.setdefault(born, []).append((start, start + length, pack, offset))
        offset += length
    for born, rows in fresh.items():
        moved[born] = overlaid(moved.get(born, []), rows)
moved = {pack: ([row[0] for row in rows], rows) for pack, rows in moved.items()}

(_, _, flags, size, _, _, sha256), ranges = listed(path, b'ROOSTRCP', '<8sIIQII32s')
if flags != 0 or sum(length for _, _, length in ranges) != size:
    fail(path + ' is not as long as its archive')
whole, name, file = hashlib.sha256(), None, None
for born, start, length in ranges:
    for wanted, offset, left in places(born, start, length):
        if wanted != name:
            if file is not None:
                file.close()
            name, file = wanted, opened(wanted)
        while left > 0:
            piece = os.pread(file.fileno(), min(left, PIECE), offset)
            if not piece:
                fail(name + ' is too short')
            whole.update(piece)
            sys.stdout.buffer.write(piece)
            offset, left = offset + len(piece), left - len(piece)
sys.stdout.buffer.flush()
if whole.digest() != sha256:
    fail('the output is not what was backed up')
