#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A node key in the wrong hands: speaks to a real node as the city whose home it is given, and does what an honest node never does.

    forge.py --home DIR --to HOST:PORT SHAPE [--agreed N] [--seconds S]

Shapes: longer (a second history with one entry more than the node holds), equal (of the same size), shrink (a smaller head, properly
signed), transplant (entries of another index under an honest head), badsig (a head whose signature is changed), truncated (a batch without its
last right hash), reordered (two entries swapped), noncanonical (items in another encoding), silent (claims a head and never serves it),
honest (one more entry, as an honest node would: to show that the forge itself is understood).
Prints one JSON object: what the node answered. `forge.py --home DIR delegate --passphrase-file F` signs a further delegation."""
import argparse
import base64
import importlib.util
import json
import os
import struct
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("reader", os.path.join(here, "..", "second", "reader.py"))
reader = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reader)
ser, sha, need = reader.ser, reader.sha, reader.need


def subtree(leaves):
    if len(leaves) == 1:
        return leaves[0]
    if not leaves:
        return sha()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return reader.node(subtree(leaves[:k]), subtree(leaves[k:]))


def consistency(leaves, first):
    """RFC 6962 §2.1.2"""
    def sub(m, d, whole):
        if m == len(d):
            return [] if whole else [subtree(d)]
        k = 1 << (len(d) - 1).bit_length() - 1
        if m <= k:
            return sub(m, d[:k], whole) + [subtree(d[k:])]
        return sub(m - k, d[k:], False) + [subtree(d[:k])]
    return sub(first, leaves, True) if 0 < first < len(leaves) else []


def right_edge(leaves, b):
    out, at, n = [], b, len(leaves)
    while at < n:
        step = at & -at if at else 1 << (n.bit_length() - 1)
        while at + step > n:
            step //= 2
        out.append(subtree(leaves[at:at + step]))
        at += step
    return out


class Forge(reader.Reader):
    def __init__(self, home, address, sync, entry):
        self.sync, self.entry = sync, entry
        with open(os.path.join(home, "node.key"), "rb") as f:
            self.node = ser.load_pem_private_key(f.read(), None)
        with open(os.path.join(home, "chain"), "rb") as f:
            self.notes = f.read()
        first = self.notes.decode().split("\n")[4].split(" ")[1]
        self.city = base64.b64decode(first)
        self.chain = reader.Chain(self.notes, self.city)
        self.text_hash = self.chain.items[-1]["hash"]
        self.log = max(self.chain.items[-1]["logs"])
        self.chains, self.parts, self.heads, self.batches, self.chunks = {self.city: self.chain}, {}, {}, [], []
        self.hello = self.state = None
        self.delta_done = False
        self.seen = {"wants": 0, "proves": 0, "fault": False, "bye": None, "errors": []}
        self.items, self.leaves, self.head_note = [], [], b""
        self.mangle = lambda batch: batch
        self.serving = False
        self.addresses = []
        self.link = reader.Link(address, self.node)

    def step(self):
        raw = self.link.message()
        frame = self.frame()
        frame.ParseFromString(raw)
        kind = frame.ListFields()[0][0].name if frame.ListFields() else None
        value = getattr(frame, kind) if kind else None
        if kind == "hello":
            self.hello = value
        elif kind == "chain" and value.ask:
            self.link.send(self.frame(chain=self.sync.Chain(city=self.city, parts=1, notes=self.notes)))
        elif kind == "state":
            self.state = value
        elif kind == "delta":
            for item in value.items:
                self.heads[(item.city, item.log)] = item
            self.delta_done = self.delta_done or value.last
        elif kind == "batch":
            self.batches.append(value)
        elif kind == "want":
            self.seen["wants"] += 1
            self.serve(value)
        elif kind == "want_chunks":
            self.serve_chunks(value)
        elif kind == "prove" and value.ask:
            self.seen["proves"] += 1
            self.prove(value)
        elif kind == "fault":
            self.seen["fault"] = True
        elif kind == "ping" and not value.answer:
            self.link.send(self.frame(ping=self.sync.Ping(nonce=value.nonce, answer=True)))
        elif kind == "bye":
            self.seen["bye"] = [value.code, value.reason]
        elif kind == "error":
            self.seen["errors"].append([value.code, value.reason])

    def serve(self, want):
        if not self.serving or want.city != self.city:
            return
        first, to = getattr(want, "from"), min(want.to, len(self.leaves))
        if first >= to:
            return
        batch = self.sync.Batch(city=self.city, log=self.log, first=first, head=self.head_note,
                                right=b"".join(right_edge(self.leaves, to)))
        items = self.sync.ItemList()
        items.items.extend(self.items[first:to])
        batch.items = items.SerializeToString()
        self.link.send(self.frame(batch=self.mangle(batch)), 2)

    def serve_chunks(self, want):
        """Made for those that have attachments."""

    def prove(self, ask):
        first, to = getattr(ask, "from"), ask.to
        answer = self.sync.Prove(city=self.city, log=self.log, to=to, absent=not 0 < first <= to <= len(self.leaves))
        setattr(answer, "from", first)
        if not answer.absent:
            answer.from_root = subtree(self.leaves[:first])
            answer.proof = b"".join(consistency(self.leaves[:to], first))
        self.link.send(self.frame(prove=answer))

    def greet(self):
        self.link.send(self.frame(hello=self.sync.Hello(oldest=1, newest=1, city=self.city, chain_hash=self.text_hash,
                                                        instance=int.from_bytes(os.urandom(7), "big") + 1)))
        self.until("hello", lambda: self.hello or self.seen["bye"])
        if self.seen["bye"]:
            return False
        interest = self.sync.Interest(cities=[self.city])
        digest = sha(interest.SerializeToString())
        self.link.send(self.frame(state=self.sync.State(epoch=os.urandom(16), counter=1, interest_hash=digest, fingerprint=sha(), addresses=self.addresses,
                                                        credit_live=1 << 40, credit_history=1 << 40, agent="forge")))
        self.link.send(self.frame(interest=interest))
        self.link.send(self.frame(resume=self.sync.Resume(interest_hash=digest, added=[self.city])))
        self.until("delta", lambda: self.delta_done or self.seen["bye"])
        return not self.seen["bye"]

    def take(self):
        """The city's real log, as the node holds it."""
        size = int(self.state.yours.decode().split("\n")[1])
        self.link.send(self.frame(want=self.sync.Want(city=self.city, log=self.log, to=size, form=3)))
        while len(self.items) < size:
            self.until("batch", lambda: self.batches)
            items = self.sync.ItemList()
            items.ParseFromString(self.batches.pop(0).items)
            self.items.extend(items.items)
        self.leaves = [self.leaf(i, item) for i, item in enumerate(self.items)]
        return size

    def leaf(self, index, item):
        return sha(b"\0", self.city, struct.pack(">IQ", self.log, index), item.header)

    def make(self, words):
        """A document that the city never published."""
        body = self.entry.DocumentBody(title=words, content=self.entry.Content(name="forged.txt", data=words.encode())).SerializeToString()
        salt = os.urandom(32)
        header = self.entry.Header(kind=20, date_ms=int(time.time() * 1000), body_commit=sha(salt, body), body_len=len(body),
                                   fields=self.entry.Document(type=1).SerializeToString())
        return self.sync.Item(header=header.SerializeToString(), salt=salt, body=body)

    def sign(self):
        origin = f"{reader.bech32m('city', self.city)}/{self.log}"
        text = f"{origin}\n{len(self.leaves)}\n{base64.b64encode(subtree(self.leaves)).decode()}\n"
        self.head_note = reader.sign_note(text, origin, self.node).encode()

    def announce(self, size=None, root=None):
        self.serving = True
        item = self.sync.HeadItem(city=self.city, log=self.log, size=len(self.leaves) if size is None else size,
                                  chain_hash=self.text_hash, root=root or subtree(self.leaves))
        self.link.send(self.frame(heads=self.sync.Heads(items=[item], counter=2)))

    def fork(self, agreed, size, words):
        self.items = self.items[:agreed]
        while len(self.items) < size:
            self.items.append(self.make(f"{words} {len(self.items)}"))
        self.leaves = [self.leaf(i, item) for i, item in enumerate(self.items)]
        self.sign()


def swapped(sync, batch):
    items = sync.ItemList()
    items.ParseFromString(batch.items)
    got = list(items.items)
    got[0], got[-1] = got[-1], got[0]
    batch.items = sync.ItemList(items=got).SerializeToString()
    return batch


def reencoded(sync, batch):
    """The first item's length as a varint of more bytes than needed."""
    raw = batch.items
    need(raw[0] == 0x0A and raw[1] & 0x80 and not raw[2] & 0x80, "an item of 128 bytes to 16 KiB is needed")
    batch.items = raw[:2] + bytes([raw[2] | 0x80, 0]) + raw[3:]
    return batch


def behave(forge, args):
    size, sync = forge.take(), forge.sync
    agreed = size - 1 if args.agreed is None else args.agreed
    real = list(forge.items)
    if args.shape == "longer":
        forge.fork(agreed, size + 1, args.words)
    elif args.shape == "equal":
        forge.fork(agreed, size, args.words)
    else:
        forge.fork(size, size + 2, args.words)
    if args.shape == "shrink":
        forge.items, forge.leaves = real[:-1], forge.leaves[:size - 1]
        forge.sign()
    elif args.shape == "transplant":
        def transplant(batch):
            batch.items = sync.ItemList(items=[real[0]] * (len(forge.items) - batch.first)).SerializeToString()
            return batch
        forge.mangle = transplant
    elif args.shape == "badsig":
        raw = bytearray(base64.b64decode(forge.head_note.decode().split(" ")[-1]))
        raw[-1] ^= 1
        forge.head_note = forge.head_note.rpartition(b" ")[0] + b" " + base64.b64encode(bytes(raw)) + b"\n"
    elif args.shape == "truncated":
        def cut(batch):
            items = sync.ItemList()
            items.ParseFromString(batch.items)
            del items.items[-1]
            batch.items = items.SerializeToString()
            return batch
        forge.mangle = cut
    elif args.shape == "reordered":
        forge.mangle = lambda batch: swapped(sync, batch)
    elif args.shape == "noncanonical":
        forge.mangle = lambda batch: reencoded(sync, batch)
    forge.announce()
    forge.serving = args.shape != "silent"


def delegate(home, passphrase_file):
    """A further delegation with a new node key, which is written to the home too."""
    with open(passphrase_file, "rb") as f:
        phrase = f.readline().rstrip(b"\n")
    with open(os.path.join(home, "root.key"), "rb") as f:
        root = ser.load_pem_private_key(f.read(), phrase)
    with open(os.path.join(home, "chain"), "rb") as f:
        notes = f.read()
    city = base64.b64decode(notes.decode().split("\n")[4].split(" ")[1])
    last = reader.Chain(notes, city).items[-1]
    node = reader.Ed25519PrivateKey.generate()
    b64 = lambda b: base64.b64encode(b).decode()
    lines = [f"interurban-delegation/1\ncity {reader.bech32m('city', city)}\nserial {last['serial'] + 1}\nprev {b64(last['hash'])}\n"
             f"root {b64(last['root'])}\nnext {b64(last['next'])}\n"
             f"node {b64(node.public_key().public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw))}\n"]
    lines += [f"log {n} {size} {b64(r)}\n" for n, (size, r) in sorted(last["logs"].items())]
    notes += reader.sign_note("".join(lines), reader.bech32m("city", city), root).encode()
    with open(os.path.join(home, "chain"), "wb") as f:
        f.write(notes)
    with open(os.path.join(home, "node.key"), "wb") as f:
        f.write(node.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption()))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("shape")
    args.add_argument("--home", required=True)
    args.add_argument("--to")
    args.add_argument("--agreed", type=int)
    args.add_argument("--words", default="forged")
    args.add_argument("--seconds", type=float, default=3)
    args.add_argument("--passphrase-file")
    args = args.parse_args()
    if args.shape == "delegate":
        delegate(args.home, args.passphrase_file)
        return
    sync, entry = reader.load_proto()
    forge = Forge(args.home, args.to, sync, entry)
    if forge.greet():
        behave(forge, args)
        end = time.time() + args.seconds
        forge.link.sock.setblocking(True)
        try:
            while time.time() < end and not forge.seen["bye"]:
                forge.link.timeout(max(0.05, end - time.time()))
                forge.step()
        except (reader.SSL.Error, OSError, TimeoutError):
            pass
    print(json.dumps(forge.seen))


if __name__ == "__main__":
    try:
        main()
    except (reader.Bad, reader.SSL.Error, OSError, ValueError) as error:
        sys.exit(f"forge: {error or type(error).__name__}")
