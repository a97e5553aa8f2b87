#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A second implementation of the reader, written from proto/PROTOCOL.md: joins a live node by an invite, fetches a city's log with its
attachments, verifies everything, writes the documents. Prints one JSON object. Exit 1 with a sentence on anything that does not hold.

    reader.py IU1:… [--city city1…] --out DIR"""
import argparse
import base64
import hashlib
import hmac
import importlib
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography import x509
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto
import datetime

CHUNK = 65536
PROTO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "proto")


class Bad(Exception):
    pass


def need(condition, words):
    if not condition:
        raise Bad(words)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def load_proto():
    out = tempfile.mkdtemp(prefix="iu-second-")
    subprocess.run(["protoc", f"--proto_path={PROTO}", f"--python_out={out}", "sync.proto", "entry.proto"], check=True, cwd=PROTO)
    sys.path.insert(0, out)
    return importlib.import_module("sync_pb2"), importlib.import_module("entry_pb2")


# --- section 1 and 2: encodings and ids ---

def unbase64(text):
    raw = base64.b64decode(text, validate=True)
    need(base64.b64encode(raw).decode() == text, "base64 of another encoding")
    return raw


def decimal(text):
    need(text.isascii() and text.isdigit() and str(int(text)) == text and int(text) < 2**63, "not a decimal: " + text)
    return int(text)


BECH = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def bech32m(prefix, raw):
    def step(chk, v):
        top, chk = chk >> 25, (chk & 0x1FFFFFF) << 5 ^ v
        for i, g in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            chk ^= g if top >> i & 1 else 0
        return chk
    bits = int.from_bytes(raw, "big") << 4
    data = [bits >> 5 * (51 - i) & 31 for i in range(52)]
    chk = 1
    for v in [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + data + [0] * 6:
        chk = step(chk, v)
    chk ^= 0x2BC830A3
    return prefix + "1" + "".join(BECH[v] for v in data + [chk >> 5 * (5 - i) & 31 for i in range(6)])


P = 2**255 - 19
SMALL = {0, 1, P - 1, 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
         0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7}


def admitted(key):
    y = int.from_bytes(key, "little") & (2**255 - 1)
    need(y < P and y not in SMALL, "a public key that is not admitted")
    return key


# --- section 3: notes, delegations, chains ---

def key_id(name, key):
    return sha(name.encode() + b"\n\x01" + key)[:4]


def sign_note(text, name, private):
    public = private.public_key().public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw)
    return text + "\n\u2014 " + name + " " + base64.b64encode(key_id(name, public) + private.sign(text.encode())).decode() + "\n"


def split_note(note):
    text, gap, line = note.rpartition("\n\n")
    need(gap and line.endswith("\n") and line.count("\n") == 1 and line.startswith("\u2014 "), "not a note")
    name, _, blob = line[2:-1].partition(" ")
    return text + "\n", name, unbase64(blob)


def check_note(note, name, key):
    text, signer, blob = split_note(note)
    need(signer == name and blob[:4] == key_id(name, key) and len(blob) == 68, "note by another key")
    try:
        Ed25519PublicKey.from_public_bytes(admitted(key)).verify(blob[4:], text.encode())
    except InvalidSignature:
        raise Bad("a signature does not verify") from None
    return text


class Chain:
    """Delegations in order; which node key signs which head."""

    def __init__(self, notes, city):
        self.items, rest = [], notes.decode()
        while rest:
            end = rest.index("\n", rest.index("\n\n") + 2) + 1
            self.add(rest[:end], city)
            rest = rest[end:]
        need(self.items, "an empty chain")

    def add(self, note, city):
        name = bech32m("city", city)
        lines = split_note(note)[0].split("\n")
        words = ["interurban-delegation/1", "city", "serial", "prev", "root", "next", "node"]
        need(lines[0] == words[0] and [l.split(" ")[0] for l in lines[1:7]] == words[1:], "not a delegation")
        value = {l.split(" ")[0]: l.split(" ")[1] for l in lines[1:7]}
        logs = {}
        for line in lines[7:-1]:
            word, log, size, root = line.split(" ")
            need(word == "log" and decimal(log) > max(logs, default=0), "log lines out of order")
            logs[decimal(log)] = (decimal(size), unbase64(root))
        d = {"serial": decimal(value["serial"]), "prev": unbase64(value["prev"]), "root": admitted(unbase64(value["root"])),
             "next": unbase64(value["next"]), "node": admitted(unbase64(value["node"])), "logs": logs}
        need(value["city"] == name and logs, "another city's delegation")
        text = check_note(note, name, d["root"])
        d["hash"] = sha(text.encode())
        if not self.items:
            need(d["serial"] == 1 and d["prev"] == bytes(32) and d["root"] == city, "not a first delegation")
        else:
            last = self.items[-1]
            need(d["serial"] == last["serial"] + 1 and d["prev"] == last["hash"], "delegation out of order")
            need(d["root"] == last["root"] or sha(d["root"]) == last["next"], "delegation by a foreign root")
            need(all(n in logs and logs[n][0] >= s and (n == max(last["logs"]) or logs[n] == (s, r))
                     for n, (s, r) in last["logs"].items()), "a delegation changes a closed log")
        self.items.append(d)

    def key(self, log, size):
        for d in reversed(self.items):
            if max(d["logs"]) == log:
                return d["node"]
            if log in d["logs"] and d["logs"][log][0] < size:
                break
        raise Bad("no key may sign this head")


# --- sections 4 to 6: trees, heads, batches ---

def node(left, right):
    return sha(b"\x01", left, right)


class Tree:
    """The frontier of what is held: a stack of (size, hash)."""

    def __init__(self):
        self.stack, self.size = [], 0

    @staticmethod
    def push(stack, size, value):
        stack.append((size, value))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            (s, right), (_, left) = stack.pop(), stack.pop()
            stack.append((2 * s, node(left, right)))

    @staticmethod
    def root(stack):
        if not stack:
            return sha()
        value = stack[-1][1]
        for _, left in reversed(stack[:-1]):
            value = node(left, value)
        return value

    def fold(self, leaves, right, size):
        """The frontier after `leaves`, and the root that they and `right` lead to."""
        after = list(self.stack)
        for leaf in leaves:
            self.push(after, 1, leaf)
        whole, at = list(after), self.size + len(leaves)
        need(len(right) % 32 == 0, "a right edge that is no hashes")
        hashes = [right[i:i + 32] for i in range(0, len(right), 32)]
        while at < size:
            step = at & -at if at else 1 << (size.bit_length() - 1)
            while at + step > size:
                step //= 2
            need(hashes, "a right edge that is too short")
            self.push(whole, step, hashes.pop(0))
            at += step
        need(not hashes and at == size, "a right edge that is too long")
        return after, self.root(whole)


def read_head(note, city, log, chain):
    origin = f"{bech32m('city', city)}/{log}"
    name, size, root = split_note(note)[0].split("\n")[:3]
    need(name == origin, "another log's head")
    check_note(note, origin, chain.key(log, decimal(size)))
    need(split_note(note)[0] == f"{origin}\n{size}\n{root}\n", "a head with more lines")
    return decimal(size), unbase64(root)


# --- section 8: the connection ---

def certificate(private):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "second")])
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key()).serial_number(1)
            .not_valid_before(datetime.datetime(2020, 1, 1)).not_valid_after(datetime.datetime(2099, 1, 1)).sign(private, None))
    return crypto.X509.from_cryptography(cert)


class Link:
    def __init__(self, address, private):
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
        context.use_privatekey(pkey(private))
        context.use_certificate(certificate(private))
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        context.set_alpn_protos([b"interurban/1"])
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host.strip("[]"), int(port)), 10)
        self.socket.setblocking(True)
        self.sock = SSL.Connection(context, self.socket)
        self.sock.set_connect_state()
        self.sock.do_handshake()
        need(self.sock.get_alpn_proto_negotiated() == b"interurban/1", "no ALPN")
        raw = self.sock.get_peer_certificate().to_cryptography().public_key()
        self.peer_key = raw.public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw)
        self.exporter = self.sock.export_keying_material(b"EXPORTER-interurban-invite", 32, b"")
        self.data, self.open = b"", {}

    def send(self, frame, lane=1):
        body = frame.SerializeToString(deterministic=True)
        self.sock.sendall(struct.pack(">I", lane << 29 | len(body)) + body)

    def timeout(self, seconds):
        """How long a read may wait from now on."""
        value = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)

    def exactly(self, count):
        while len(self.data) < count:
            self.data += self.sock.recv(65536)
        out, self.data = self.data[:count], self.data[count:]
        return out

    def message(self):
        while True:
            header = struct.unpack(">I", self.exactly(4))[0]
            lane, length = header >> 29 & 3, header & 0x1FFFFFFF
            need(length <= 65536, "a fragment over 64 KiB")
            self.open[lane] = self.open.get(lane, b"") + self.exactly(length)
            if not header >> 31:
                return self.open.pop(lane)


def pkey(private):
    pem = private.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption())
    return crypto.load_privatekey(crypto.FILETYPE_PEM, pem)


# --- section 9: the conversation ---

def read_invite(text):
    need(text.startswith("IU1:"), "not an invite")
    body = text[4:]
    raw = base64.b32decode(body + "=" * (-len(body) % 8))
    need(zlib.crc32(raw[:-4]) == struct.unpack(">I", raw[-4:])[0], "a damaged invite")
    return raw[:32], raw[32:48], raw[52:-4].decode()


class Reader:
    def __init__(self, invite, sync, entry):
        self.sync, self.entry = sync, entry
        self.inviter, self.secret, address = read_invite(invite)
        self.root, self.node = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        raw = lambda k: k.public_key().public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw)
        self.city = raw(self.root)
        b64 = lambda b: base64.b64encode(b).decode()
        text = (f"interurban-delegation/1\ncity {bech32m('city', self.city)}\nserial 1\nprev {b64(bytes(32))}\nroot {b64(self.city)}\n"
                f"next {b64(sha(os.urandom(32)))}\nnode {b64(raw(self.node))}\nlog 1 0 {b64(sha())}\n")
        self.text_hash = sha(text.encode())
        self.notes = sign_note(text, bech32m("city", self.city), self.root).encode()
        self.chains, self.parts, self.heads, self.batches, self.chunks = {}, {}, {}, [], []
        self.hello = self.state = None
        self.delta_done = False
        self.link = Link(address, self.node)

    def frame(self, **fields):
        return self.sync.Frame(**fields)

    def proof(self, role):
        return hmac.new(self.secret, bytes([role]) + self.city + self.inviter + self.link.exporter, hashlib.sha256).digest()

    def ask_chain(self, city):
        self.link.send(self.frame(chain=self.sync.Chain(city=city, ask=True)))

    def step(self):
        """Takes one message and does what it asks for."""
        raw = self.link.message()
        frame = self.frame()
        frame.ParseFromString(raw)
        kind = frame.ListFields()[0][0].name if frame.ListFields() else None
        value = getattr(frame, kind) if kind else None
        if kind == "hello":
            need(value.city == self.inviter, "another city answers")
            need(hmac.compare_digest(value.invite, self.proof(2)), "the node does not know the invite")
            self.hello = value
            self.ask_chain(self.inviter)
        elif kind == "chain" and value.ask:
            need(value.city == self.city, "asked for a chain that is not here")
            self.link.send(self.frame(chain=self.sync.Chain(city=self.city, parts=1, notes=self.notes)))
        elif kind == "chain":
            got = self.parts.setdefault(value.city, {})
            got[value.part] = value.notes
            if len(got) == value.parts:
                notes = b"".join(got[i] for i in range(value.parts))
                self.chains[value.city] = Chain(self.parts.pop(value.city) and notes, value.city)
        elif kind == "state":
            self.state = value
        elif kind in ("delta", "heads"):
            for item in value.items:
                self.heads[(item.city, item.log)] = item
            self.delta_done = self.delta_done or (kind == "delta" and value.last)
        elif kind == "batch":
            self.batches.append(value)
        elif kind == "chunks":
            self.chunks.append(value)
        elif kind == "ping" and not value.answer:
            self.link.send(self.frame(ping=self.sync.Ping(nonce=value.nonce, answer=True)))
        elif kind == "bye":
            raise Bad(f"the node ended the session: {value.code} {value.reason}")

    def until(self, words, done):
        end = time.time() + 20
        while not done():
            need(time.time() < end, "no " + words + " in 20 s")
            self.step()

    def join(self, target):
        self.link.send(self.frame(hello=self.sync.Hello(oldest=1, newest=1, city=self.city, chain_hash=self.text_hash,
                                                        instance=int.from_bytes(os.urandom(7), "big") + 1,
                                                        invite=self.proof(1))))
        self.until("hello and chain", lambda: self.hello and self.inviter in self.chains)
        need(self.chains[self.inviter].items[-1]["node"] == self.link.peer_key, "the certificate is not the node's")
        need(self.chains[self.inviter].items[-1]["hash"] == self.hello.chain_hash, "another chain than Hello says")
        interest = self.sync.Interest(cities=[target])
        digest = sha(interest.SerializeToString())
        self.link.send(self.frame(state=self.sync.State(epoch=os.urandom(16), counter=1, interest_hash=digest, fingerprint=sha(),
                                                        credit_live=1 << 40, credit_history=1 << 40, agent="second")))
        self.link.send(self.frame(interest=interest))
        self.link.send(self.frame(resume=self.sync.Resume(interest_hash=digest, added=[target])))
        self.until("delta", lambda: self.delta_done)

    def fetch(self, city, log, size):
        if city not in self.chains:
            self.ask_chain(city)
            self.until("chain", lambda: city in self.chains)
        tree, entries = Tree(), []
        self.link.send(self.frame(want=self.sync.Want(city=city, log=log, to=size, form=3)))
        while tree.size < size:
            self.until("batch", lambda: self.batches)
            batch = self.batches.pop(0)
            need(batch.city == city and batch.log == log and batch.first == tree.size and not batch.absent, "not what was asked for")
            items = self.sync.ItemList()
            items.ParseFromString(batch.items)
            need(items.SerializeToString() == batch.items and 1 <= len(items.items) <= 4096, "items of another encoding")
            leaves = []
            for index, item in enumerate(items.items, tree.size):
                leaves.append(item.hash or sha(b"\0", city, struct.pack(">IQ", log, index), item.header))
                entries.append(self.open_entry(item))
            head_size, root = read_head(batch.head.decode(), city, log, self.chains[city])
            after, led_to = tree.fold(leaves, batch.right, head_size)
            need(led_to == root, "a batch does not lead to its head")
            tree.stack, tree.size = after, tree.size + len(leaves)
        return entries, Tree.root(tree.stack)

    def open_entry(self, item):
        header = self.entry.Header()
        header.ParseFromString(item.header)
        need(header.SerializeToString(deterministic=True) == item.header, "a header of another encoding")
        body = None
        if header.body_commit and item.salt:
            need(sha(item.salt, item.body) == header.body_commit, "a body that is not committed to")
            if len(item.body) == header.body_len:  # otherwise it is unreadable
                body = self.entry.DocumentBody() if header.kind == 20 else self.entry.CharterBody()
                body.ParseFromString(item.body)
        return header, body

    def fetch_attachment(self, city, log, index, number, wanted, path):
        count, tree, whole = -(-wanted.size // CHUNK), Tree(), hashlib.sha256()
        with open(path, "wb") as out:
            while tree.size < count:
                to = min(count, tree.size + 8)
                self.link.send(self.frame(want_chunks=self.sync.WantChunks(city=city, log=log, index=index, attachment=number,
                                                                           **{"from": tree.size, "to": to})))
                self.until("chunks", lambda: self.chunks)
                got = self.chunks.pop(0)
                need(not got.absent and getattr(got, "from") == tree.size and got.data, "chunks that were not asked for")
                need(got.left == b"".join(value for _, value in tree.stack), "chunks with another left edge")
                leaves = [sha(b"\0", got.data[i:i + CHUNK]) for i in range(0, len(got.data), CHUNK)]
                after, root = tree.fold(leaves, got.right, count)
                need(root == wanted.root, "chunks do not lead to the attachment's root")
                tree.stack, tree.size = after, tree.size + len(leaves)
                whole.update(got.data)
                out.write(got.data)
        need(os.path.getsize(path) == wanted.size and whole.digest() == wanted.sha256, "an attachment of another content")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("invite")
    args.add_argument("--city")
    args.add_argument("--out", required=True)
    args = args.parse_args()
    sync, entry = load_proto()
    reader = Reader(args.invite, sync, entry)
    target = reader.inviter
    if args.city:
        bits = 0
        for c in args.city[5:57]:
            bits = bits << 5 | BECH.index(c)
        target = (bits >> 4).to_bytes(32, "big")
        need(bech32m("city", target) == args.city, "not a city id")
    reader.join(target)
    os.makedirs(args.out, exist_ok=True)
    found = {"city": bech32m("city", target), "logs": [], "files": []}
    for (city, log), head in sorted(reader.heads.items()):
        if city != target or not head.size:
            continue
        entries, root = reader.fetch(city, log, head.size)
        found["logs"].append({"log": log, "size": len(entries), "root": base64.b64encode(root).decode()})
        for index, (header, body) in enumerate(entries):
            if header.kind != 20 or body is None:
                continue
            if body.HasField("content"):
                path = os.path.join(args.out, os.path.basename(body.content.name))
                with open(path, "wb") as out:
                    out.write(body.content.data)
                found["files"].append(os.path.basename(path))
            for number, attachment in enumerate(body.attachments):
                path = os.path.join(args.out, os.path.basename(attachment.name))
                reader.fetch_attachment(city, log, index, number, attachment, path)
                found["files"].append(os.path.basename(path))
    need(found["logs"], "the node holds no log of that city")
    print(json.dumps(found))


if __name__ == "__main__":
    try:
        main()
    except (Bad, SSL.Error, OSError, ValueError) as error:
        sys.exit(f"reader: {error or type(error).__name__}")
