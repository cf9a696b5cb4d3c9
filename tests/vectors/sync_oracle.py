"""Independent oracle for the frames of /tidings/sync/1 (docs/protocol.md 3.7).

It shares no code with the Rust crate. Prints `name hex` lines: `python3 sync_oracle.py > sync.txt`.
Needs: pip install blake3 (for d16 alone).

Inputs: nonce 55, epoch id 11, tag 22 and 23, d16 33, sum 44, entry id 66, header 186 x 77, body `body`.
"""
import struct
import blake3

B = lambda x, n: bytes([x]) * n
P = struct.pack
pairs = [(0, 5), (7, 7), (1 << 40, (1 << 48) - 1)]
intervals = P(">I", len(pairs)) + b"".join(P(">QQ", lo, hi) for lo, hi in pairs)
page = P(">QQQ", 0, 0, (1 << 48) - 1) + intervals + B(0x44, 32)
o = {
    "hello": (1, B(0x55, 32) + P(">I", 0) + P(">H", 2) + b"id" + P(">H", 3) + b"dev"),
    "mine": (2, P(">I", 4) + B(0x11, 16)),
    "tags": (3, b"\2" + P(">H", 2) + B(0x22, 16) + B(0x23, 16)),
    "matched": (4, P(">H", 2) + P(">HI", 0, 1) + B(0x22, 16) + P(">HI", 63, 3) + B(0x23, 16)),
    "digest": (5, P(">I", 4) + B(0x33, 16)),
    "have": (6, P(">I", 4) + page),
    "want": (7, P(">I", 4) + intervals),
    "want_ids": (8, P(">H", 1) + B(0x66, 32)),
    "entry": (9, P(">I", 4) + B(0x77, 186) + b"body"),
    "entry_granted": (9, P(">I", 0xFFFFFFFF) + B(0x77, 186) + b"body"),
    "gone_id": (10, P(">IQ", 4, 9) + b"\0" + B(0x66, 32)),
    "gone_header": (10, P(">IQ", 4, 9) + b"\1" + B(0x77, 186)),
    "ids": (11, P(">IQQ", 4, 3, 9) + P(">H", 1) + P(">Q", 5) + B(0x66, 32)),
    "head": (12, P(">IQ", 4, 9)),
    "bye": (13, b"\0"),
    # Handles 0, 2, 4 and 7 turned right by one bit: 0, 1, 2 and 2^31 + 3.
    "digests": (14, P(">I", 2) + P(">QQQQ", 0, 2, (1 << 31) + 3, (1 << 31) + 3) + B(0x33, 16)),
    # Tags 0, 7, 8 and 63, the first under handle 5.
    "matched_run": (15, P(">IH", 5, 8) + bytes([0x81, 1, 0, 0, 0, 0, 0, 0x80]) + B(0x22, 16)),
}
for name, (variant, fields) in o.items():
    print(name, (bytes([1, variant]) + fields).hex())
print("have_d16", blake3.blake3(page).digest()[:16].hex())
print("group_d16", blake3.blake3(B(0x33, 16) + B(0x34, 16)).digest()[:16].hex())
print("run_proof", blake3.blake3(B(0x22, 16) + B(0x23, 16)).digest()[:16].hex())
