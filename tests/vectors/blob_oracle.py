"""Independent oracle for /tidings/blob/1 (docs/protocol.md 3.7, 3.9).

It shares no code with the Rust crate and brings its own BLAKE3. Prints `name hex` lines:
`python3 blob_oracle.py > blob.txt`. Needs nothing but Python 3.

The blob: 70,000 bytes, byte i = (i * 7 + i // 256) mod 256. Its groups: four of 16 KiB and one of 4,464 bytes.
"""
import struct

IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
START, END, PARENT, ROOT = 1, 2, 4, 8
M = 0xFFFFFFFF
GROUP = 16 * 1024


def compress(cv, words, counter, length, flags):
    v = cv + IV[:4] + [counter & M, counter >> 32, length, flags]

    def mix(a, b, c, d, x, y):
        for word, first, second in ((x, 16, 12), (y, 8, 7)):
            v[a] = (v[a] + v[b] + word) & M
            v[d] ^= v[a]
            v[d] = (v[d] >> first | v[d] << (32 - first)) & M
            v[c] = (v[c] + v[d]) & M
            v[b] ^= v[c]
            v[b] = (v[b] >> second | v[b] << (32 - second)) & M

    for _ in range(7):
        m = iter(words)
        for i in range(4):
            mix(i, i + 4, i + 8, i + 12, next(m), next(m))
        for i in range(4):
            mix(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, next(m), next(m))
        words = [words[i] for i in ORDER]
    return [v[i] ^ v[i + 8] for i in range(8)]


def words_of(block):
    return list(struct.unpack("<16I", block.ljust(64, b"\0")))


def chunk(data, number, root):
    cv = IV
    blocks = [data[i : i + 64] for i in range(0, len(data), 64)] or [b""]
    for i, block in enumerate(blocks):
        last = i == len(blocks) - 1
        flags = START * (i == 0) | END * last | ROOT * (last and root)
        cv = compress(cv, words_of(block), number, len(block), flags)
    return cv


def subtree(data, first, root=False):
    """The value of `data`, which begins at chunk `first`."""
    if len(data) <= 1024:
        return chunk(data, first, root)
    left = 1024
    while left * 2 < len(data):
        left *= 2
    pair = subtree(data[:left], first) + subtree(data[left:], first + left // 1024)
    return compress(IV, pair, 0, 64, PARENT | ROOT * root)


def packed(value):
    return struct.pack("<8I", *value)


def answer(data, wanted, at=0, pairs_only=False):
    """The nodes in pre-order: pairs above the groups, then the groups that are wanted (by number)."""
    groups = range(at // GROUP, -(-(at + len(data)) // GROUP))
    if not any(g in wanted for g in groups):
        return b""
    if len(data) <= GROUP:
        return b"" if pairs_only else data
    left = GROUP
    while left * 2 < len(data):
        left *= 2
    one, other = data[:left], data[left:]
    pair = packed(subtree(one, at // 1024)) + packed(subtree(other, (at + left) // 1024))
    return pair + answer(one, wanted, at, pairs_only) + answer(other, wanted, at + left, pairs_only)


def digest(data):
    return packed(subtree(data, 0, True))


assert digest(b"").hex().startswith("af1349b9f5f9a1a6a0404dea36dcc949")
blob = bytes((i * 7 + i // 256) % 256 for i in range(70_000))
size = struct.pack("<Q", len(blob))
blob_id = digest(blob)
print("blob_id", blob_id.hex())
print("pairs", answer(blob, {0, 1, 2, 3, 4}, pairs_only=True).hex())
print("get", (b"\1\1" + blob_id + struct.pack(">HIIII", 2, 1, 2, 3, 5)).hex())
print("answer_digest", digest(size + answer(blob, {1, 3, 4})).hex())
print("whole_digest", digest(size + answer(blob, {0, 1, 2, 3, 4})).hex())
