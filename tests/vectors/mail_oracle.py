"""Independent oracle for parcels and the frames of /tidings/mail/1 (docs/protocol.md 3.6, 3.7).

It shares no code with the Rust crate, so that bytes which both agree on are right for a reason; HPKE mode_psk is
written out from RFC 9180.  Needs: pip install blake3 pynacl.  Prints mail.txt: `name hex` lines.

Inputs, 32 bytes of one value unless said: epoch signing seed 22, ES 11, author root 05, opened_day 20500; device 0d;
entry A: epoch 16x01, seq 7, id 02; entry B: epoch 16x01, seq 8, id 03; content keys 0e and 0f; parcels 16x0c, 16x0d;
hide tags 16x10, 16x11; introduced: user 12, s 13, name `Bob`; share `share`; vault: version 5, part 1 of 3, `part`.
Parcel: id 16x0c, from_root 05, to_root 06, psk = pair_key 2a, psk_gen 3, expires_day 20530; seal_from secret 1a,
seal_to secret 1b, ephemeral secret 1c; device_from 0d, device_to 0e; IdentityRecord `identity`, DeviceRecord `device`;
items: Recall, Ack, and an unknown type 200 with `later`.
"""
import hashlib, hmac, struct
import blake3, nacl.bindings as nb, nacl.signing

kdf = lambda c, *m: blake3.blake3(b''.join(m), derive_key_context='tidings v1 ' + c).digest()
mac = lambda k, *m: blake3.blake3(b''.join(m), key=k).digest()
b3 = lambda m: blake3.blake3(m).digest()
B = lambda x, n=32: bytes([x]) * n
u16, u32, u64 = (lambda v, f=f: struct.pack(f, v) for f in ('>H', '>I', '>Q'))


# ---- HPKE, RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, mode_psk, single shot
def extract(salt, ikm):
    return hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()


def expand(prk, info, length):
    out, block, n = b'', b'', 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([n]), hashlib.sha256).digest()
        out, n = out + block, n + 1
    return out[:length]


KEM, SUITE = b'KEM' + u16(0x20), b'HPKE' + u16(0x20) + u16(1) + u16(3)
lab_extract = lambda suite, salt, label, ikm: extract(salt, b'HPKE-v1' + suite + label + ikm)
lab_expand = lambda suite, prk, label, info, n: expand(prk, u16(n) + b'HPKE-v1' + suite + label + info, n)


def hpke_seal(ephemeral, to_public, psk, psk_id, info, aad, plaintext):
    enc = nb.crypto_scalarmult_base(ephemeral)
    dh = nb.crypto_scalarmult(ephemeral, to_public)
    prk = lab_extract(KEM, b'', b'eae_prk', dh)
    shared = lab_expand(KEM, prk, b'shared_secret', enc + to_public, 32)
    context = b'\1' + lab_extract(SUITE, b'', b'psk_id_hash', psk_id) + lab_extract(SUITE, b'', b'info_hash', info)
    secret = lab_extract(SUITE, shared, b'secret', psk)
    key, nonce = lab_expand(SUITE, secret, b'key', context, 32), lab_expand(SUITE, secret, b'base_nonce', context, 12)
    return enc, nb.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, aad, nonce, key)


# ---- items
item = lambda code, fields: bytes([code]) + u32(len(fields)) + fields
epoch = nacl.signing.SigningKey(B(0x22))
epoch_pub, es_commit = bytes(epoch.verify_key), kdf('es commit', B(0x11))
claim = epoch.sign(b'tidings/v1/epoch\0' + B(5) + es_commit).signature
entry_a, entry_b = (B(1, 16) + u64(seq) + B(entry) for seq, entry in ((7, 2), (8, 3)))
# The records of side I of pair_oracle.py, as its `records_i` has them behind version and variant.
with open(__file__.replace('mail_oracle.py', 'pair.txt')) as lines:
    records = bytes.fromhex(dict(line.split(' ', 1) for line in lines)['records_i'])[2:]
items = {
    'epoch_keys': item(1, epoch_pub + B(0x11) + claim + u32(20500) + b'\2' + b'\1'),
    'closes_done': item(2, b'\0' + B(0x0d) + B(1, 16) + u64(8) + B(4)),
    'closes_revoked': item(2, b'\1' + B(0x0d)),
    'grants': item(3, epoch_pub + es_commit + claim + entry_a[16:] + B(0x0e) + entry_b[16:] + B(0x0f)),
    'tombstones': item(4, entry_a + entry_b),
    'hides': item(5, entry_a + B(0x10, 16) + B(0x11, 16)),
    'recall': item(6, entry_a + u32(2) + b'\0'),
    'ack': item(7, B(0x0c, 16) + B(0x0d, 16)),
    'introduction': item(8, B(0x12) + B(0x13) + b'\3Bob'),
    'recovery_share': item(9, b'share'),
    'deletion_receipt': item(10, entry_a),
    'vault_keep': item(11, u64(5) + u16(1) + u16(3) + b'part'),
    'introduction_answer': item(12, B(0x14, 16) + B(0x12) + b'\1'),
    'introduction_records': item(13, B(0x14, 16) + records),
}
for name, value in items.items():
    print('item_' + name, value.hex())

# ---- a parcel
seal_from, seal_to = B(0x1a), B(0x1b)
to_public = nb.crypto_scalarmult_base(seal_to)
seal_id, pair = kdf('seal id', to_public)[:8], B(0x2a)
head = B(0x0c, 16) + mac(pair, b'from' + B(0x0c, 16))[:8] + B(6) + u32(20530) + seal_id + u32(3)
inner = b''.join(u16(len(r)) + r for r in (b'identity', b'device'))
inner += items['recall'] + items['ack'] + item(200, b'later')
device_key = kdf('parcel device', nb.crypto_scalarmult(seal_from, to_public), B(0x0d), B(0x0e))
inner += mac(device_key, b3(head), b3(inner))
plaintext = (u32(len(inner)) + inner).ljust(512, b'\0')
enc, ct = hpke_seal(B(0x1c), to_public, pair, b'tidings v1 pair' + u32(3),
                    b'tidings v1 parcel' + B(5) + B(6) + seal_id, head, plaintext)
parcel = head + enc + ct
print('parcel', parcel.hex())

# ---- frames
for name, variant, fields in (('put', 1, parcel), ('kept', 2, b''), ('full', 3, b''), ('deliver', 4, parcel),
                              ('taken', 5, B(0x0c, 16))):
    print('frame_' + name, (b'\1' + bytes([variant]) + fields).hex())
