"""Independent oracle for the frames of /tidings/pair/1 and the invite link (docs/protocol.md 3.7).

It shares no code with the Rust crate, so that bytes which both agree on are right for a reason.
Needs: pip install blake3 pynacl.  Prints pair.txt: `name hex` lines (text for link and words' number).

Inputs, 32 bytes of one value unless said: I: root seed 21, device seed 22, node_pub 77, seal secret 24, name `Bob`,
no relay, flags 1.  R: root seed 31, device seed 32, node_pub 88, seal secret 34, name `Alice`, one relay 99, flags 2.
Both: IdentityRecord seq 1771200000000, one device of kind 1 added on day 20500; DeviceRecord seq 1771200000001,
not_after_day 20514, one address /ip4/127.0.0.1/tcp/8080.  Invite: s 01, expires 1771286400000, R's address.
nonce_I 03, nonce_R 04.  Resume runs under the pair key of this pairing with the same nonces and nodes.
"""
import base64, struct
import blake3, nacl.bindings as nb, nacl.signing

kdf = lambda c, *m: blake3.blake3(b''.join(m), derive_key_context='tidings v1 ' + c).digest()
mac = lambda k, *m: blake3.blake3(b''.join(m), key=k).digest()
B = lambda x: bytes([x]) * 32
ADDRESS = bytes.fromhex('047f000001061f90')


class Side:
    def __init__(self, root, device, node, seal, name, flags, relays):
        root, device = nacl.signing.SigningKey(B(root)), nacl.signing.SigningKey(B(device))
        self.root, self.node, self.secret = bytes(root.verify_key), B(node), B(seal)
        self.seal = nb.crypto_scalarmult_base(self.secret)
        dev = bytes(device.verify_key)
        identity = b'\1' + self.root + struct.pack('>QB', 1771200000000, 1) + dev + struct.pack('>BI', 1, 20500)
        identity += root.sign(b'tidings/v1/identity\0' + identity).signature
        record = b'\1' + self.root + dev + struct.pack('>Q', 1771200000001) + self.node + self.seal
        record += struct.pack('>BIB', flags, 20514, 1) + bytes([len(ADDRESS)]) + ADDRESS
        record += bytes([len(relays)]) + b''.join(relays)
        record += device.sign(b'tidings/v1/device\0' + record).signature
        self.records = b''.join(struct.pack('>H', len(x)) + x for x in (identity, record))
        self.name = bytes([len(name)]) + name


i = Side(0x21, 0x22, 0x77, 0x24, b'Bob', 1, [])
r = Side(0x31, 0x32, 0x88, 0x34, b'Alice', 2, [B(0x99)])
s, n_i, n_r = B(1), B(3), B(4)
invite_id, invite_key = kdf('invite id', s)[:16], kdf('invite', s)
transcript = n_i + n_r + i.node + r.node + i.root + r.root + i.seal + r.seal
pair_key = kdf('pair', s, nb.crypto_scalarmult(i.secret, r.seal), n_i, n_r, i.root, r.root)
resume = kdf('resume', pair_key)
safety = kdf('safety', n_i, n_r, min(i.root, r.root), max(i.root, r.root))
bits = int.from_bytes(safety, 'big')

link = r.root + r.node + s + struct.pack('>QB', 1771286400000, 1) + bytes([len(ADDRESS)]) + ADDRESS
link += blake3.blake3(link).digest()[:4]

moment = lambda key, body: B(0x41) + B(0x42) + B(0x43) * 2 + B(key) + bytes([0x45]) * 186 + struct.pack('>I', len(body)) + body
frame = lambda variant, *fields: (bytes([1, variant]) + b''.join(fields)).hex()
for name, value in (
    ('link', 'tidings:invite/1/' + base64.urlsafe_b64encode(link).decode().rstrip('=')),
    ('pair_key', pair_key.hex()),
    ('safety', safety.hex()),
    ('safety_word_numbers', ','.join(str(bits >> 256 - 11 * k & 2047) for k in range(1, 7))),
    ('hello', frame(1, invite_id, blake3.blake3(n_i).digest(), i.records, i.name)),
    ('reply', frame(2, n_r, r.records, r.name)),
    ('open', frame(3, n_i, mac(invite_key, b'I', transcript))),
    ('confirm', frame(4, mac(invite_key, b'R', transcript))),
    ('decision_no', frame(5, b'\0')),
    ('decision_yes', frame(5, b'\1')),
    ('seen', frame(6)),
    ('resume', frame(7, n_i, mac(resume, b'I', n_i, bytes(32), i.node, r.node)[:16])),
    ('known', frame(8, n_r, mac(resume, b'R', n_i, n_r, i.node, r.node)[:16])),
    ('records_i', frame(9, i.records)),
    ('records_r', frame(9, r.records)),
    ('moments', frame(10, b'\2', moment(0x44, b'body'), moment(0x46, b''))),
):
    print(name, value)
