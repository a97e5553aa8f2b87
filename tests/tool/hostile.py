#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A city that is followed, or a stranger, and means harm: what it sends is within TLS and often within the format, but never in good faith.

    hostile.py --home DIR --to HOST:PORT SHAPE [--city city1…] [--invite IU1:…] [--seconds S] [--count N]

Shapes: unfinished (many sessions, on each lane a message that never ends), pings (whose answers are not read), broken (one session for each way
to break a frame), liar (claims more of --city's log than there is and never serves, and comes again), chains (its own chain over and over),
clone (says that another copy of the node runs), guess (secrets for --invite, then one secret by many at once), strangers (under a new name
each time), titles (documents whose words would steer a terminal or leave a folder).
Prints one JSON object: how each session ended."""
import argparse
import importlib.util
import json
import os
import socket
import struct
import threading
import time

here = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("forge", os.path.join(here, "forge.py"))
forge = importlib.util.module_from_spec(spec)
spec.loader.exec_module(forge)
reader = forge.reader
GONE = (reader.SSL.Error, OSError, TimeoutError)
FULL = 65536


def fragment(lane, body, more=False, length=None):
    return struct.pack(">I", more << 31 | lane << 29 | (len(body) if length is None else length)) + body


class Hostile(forge.Forge):
    def __init__(self, args, sync, entry):
        super().__init__(args.home, args.to, sync, entry)
        self.link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 5, 0))

    def raw(self, data):
        self.link.sock.sendall(data)

    def bytes_of(self, lane=1, **fields):
        return fragment(lane, self.frame(**fields).SerializeToString(deterministic=True))

    def listen(self, seconds):
        """Until the node ends the session, or for so long. How it ended."""
        end = time.time() + seconds
        self.link.sock.setblocking(True)
        while not self.seen["bye"] and time.time() < end:
            self.link.timeout(max(0.05, end - time.time()))
            try:
                self.step()
            except reader.SSL.WantReadError:
                pass
            except GONE:
                return self.seen["bye"] or "cut"
        return self.seen["bye"] or "open"


def admitted(args, sync, entry):
    session = Hostile(args, sync, entry)
    reader.need(session.greet(), f"not admitted: {session.seen['bye']}")
    return session


def unfinished(args, sync, entry):
    sessions = []
    for _ in range(args.count):
        sessions.append(admitted(args, sync, entry))
        for _ in range(16):
            for lane in range(4):
                sessions[-1].raw(fragment(lane, b"\x42" * FULL, True))
    time.sleep(args.seconds)
    return [session.listen(0.1) for session in sessions]


def flood(session, block, seconds):
    end = time.time() + seconds
    try:
        while time.time() < end:
            session.raw(block)
    except GONE:
        return True
    return False


def pings(args, sync, entry):
    sessions = [admitted(args, sync, entry) for _ in range(args.count)]
    cut = []
    threads = [threading.Thread(target=lambda s=s: cut.append(flood(s, s.bytes_of(ping=sync.Ping(nonce=7)) * 5000, args.seconds)))
               for s in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return cut


def broken(args, sync, entry):
    def head(size):
        return sync.HeadItem(city=os.urandom(32), log=1, size=size, chain_hash=os.urandom(32), root=os.urandom(32))

    def big(session, **fields):
        body = session.frame(**fields).SerializeToString()
        return b"".join(fragment(1, body[i:i + FULL], i + FULL < len(body)) for i in range(0, len(body), FULL))
    most = (1 << 64) - 1
    shapes = {
        "good": lambda s: s.bytes_of(ping=sync.Ping(nonce=1)) + fragment(1, b"\x9a\x06\x01x"),
        "message too long": lambda s: fragment(1, b"\x42" * FULL, True) * 18 + fragment(1, b"\x42"),
        "fragment too long": lambda s: fragment(1, b"", length=FULL + 1),
        "empty fragment": lambda s: fragment(1, b"", True),
        "empty message": lambda s: fragment(1, b""),
        "long varint": lambda s: fragment(1, b"\xff" * 11 + b"\1"),
        "length beyond the end": lambda s: fragment(1, b"\x92\1\x64\x08\1"),
        "two frames in one": lambda s: fragment(1, b"\x92\1\2\x08\1" * 2),
        "group": lambda s: fragment(1, b"\x93\1"),
        "field 0": lambda s: fragment(1, b"\2\0"),
        "wants without end": lambda s: s.bytes_of(want=sync.Want(city=s.city, log=1, to=1000, form=3)) * 3000,
        "range to 2^64-1": lambda s: s.bytes_of(want=sync.Want(city=s.city, log=1, to=most, form=3)),
        "empty range": lambda s: s.bytes_of(want=sync.Want(**{"city": s.city, "log": 1, "from": 5, "to": 2, "form": 3})),
        "credit without end": lambda s: s.bytes_of(credit=sync.Credit(live=most, history=most)),
        "too many heads": lambda s: big(s, heads=sync.Heads(items=[head(i + 1) for i in range(1025)])),
        "too many interests": lambda s: s.bytes_of(interest=sync.Interest(cities=sorted(os.urandom(32) for _ in range(257)))),
        "second hello": lambda s: s.bytes_of(hello=sync.Hello(oldest=1, newest=1, city=s.city, chain_hash=s.text_hash, instance=5)),
        "escapes in a reason": lambda s: s.bytes_of(error=sync.Error(code=9, reason="\x1b[2J")),
        "faults": lambda s: s.bytes_of(fault=sync.Fault(city=s.city, log=1, head_a=b"a", head_b=b"b")) * 100,
        "chains": lambda s: s.bytes_of(chain=sync.Chain(city=s.city, parts=1, notes=s.notes[:-20] + b"A" * 17 + b"==\n")) * 100,
    }
    out = {}
    for name, shape in shapes.items():
        session = admitted(args, sync, entry)
        try:
            session.raw(shape(session))
        except GONE:
            pass
        end = session.listen(1 if name == "good" else 10)
        out[name] = end[0] if isinstance(end, list) else end
        session.link.socket.close()
    return out


def unbech(text):
    bits = 0
    for c in text[5:57]:
        bits = bits << 5 | reader.BECH.index(c)
    return (bits >> 4).to_bytes(32, "big")


def liar(args, sync, entry):
    end, out = time.time() + args.seconds, []
    while time.time() < end:
        session = admitted(args, sync, entry)
        item = sync.HeadItem(city=unbech(args.city), log=1, size=10**12, chain_hash=os.urandom(32), root=os.urandom(32))
        session.raw(session.bytes_of(heads=sync.Heads(items=[item], counter=2)))
        out.append(session.listen(min(4, max(0.1, end - time.time()))))
    return out


def chains(args, sync, entry):
    session = admitted(args, sync, entry)
    cut = flood(session, session.bytes_of(chain=sync.Chain(city=session.city, parts=1, notes=session.notes)) * 100, args.seconds)
    return ["cut" if cut else session.listen(0.1)]


def clone(args, sync, entry):
    session = admitted(args, sync, entry)
    session.raw(session.bytes_of(error=sync.Error(code=12, reason="clone", city=session.hello.city)))
    return [session.listen(1)]


def guess(args, sync, entry):
    right = reader.read_invite(args.invite)[1]
    out = {}

    def attempt(secret, key):
        try:
            guest = reader.Reader(args.invite, sync, entry)
            guest.secret = secret
            guest.join(guest.inviter)
            result = "in"
        except (reader.Bad, *GONE):
            result = "refused"
        out.setdefault(key, []).append(result)
    for i in range(args.count):
        flipped = bytearray(right)
        flipped[i // 8 % 16] ^= 1 << i % 8
        attempt(bytes(flipped) if i % 2 else os.urandom(16), "guesses")
    threads = [threading.Thread(target=attempt, args=(right, "at once")) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return out


def strangers(args, sync, entry):
    out = set()
    for _ in range(args.count):
        link = reader.Link(args.to, reader.Ed25519PrivateKey.generate())
        link.send(sync.Frame(hello=sync.Hello(oldest=1, newest=1, city=os.urandom(32), chain_hash=os.urandom(32), instance=5)))
        link.sock.setblocking(True)
        link.timeout(5)
        answer = sync.Frame()
        answer.ParseFromString(link.message())
        out.add(answer.bye.code)
        link.socket.close()
    return sorted(out)


def titles(args, sync, entry):
    session = admitted(args, sync, entry)
    session.take()
    bad = ["\x1b[2J\x1b]0;x\x07", "a\0b", "a\u009b31m", "a\nb", "T" * 501]
    for title, name in [("honest", "honest.txt")] + [(t, "a.txt") for t in bad] + [("t", "../../up"), ("t", "\x1b[2J"), ("t", "a/b")]:
        body = entry.DocumentBody(title=title, content=entry.Content(name=name, data=b"x")).SerializeToString()
        salt = os.urandom(32)
        header = entry.Header(kind=20, date_ms=int(time.time() * 1000), body_commit=reader.sha(salt, body), body_len=len(body),
                              fields=entry.Document(type=1).SerializeToString())
        session.items.append(sync.Item(header=header.SerializeToString(), salt=salt, body=body))
    session.leaves = [session.leaf(i, item) for i, item in enumerate(session.items)]
    session.sign()
    session.announce()
    return [session.listen(args.seconds)]


def main():
    args = argparse.ArgumentParser()
    shapes = {f.__name__: f for f in (unfinished, pings, broken, liar, chains, clone, guess, strangers, titles)}
    args.add_argument("shape", choices=shapes)
    args.add_argument("--home", required=True)
    args.add_argument("--to", required=True)
    args.add_argument("--city")
    args.add_argument("--invite")
    args.add_argument("--seconds", type=float, default=3)
    args.add_argument("--count", type=int, default=1)
    args = args.parse_args()
    print(json.dumps({"ends": shapes[args.shape](args, *reader.load_proto())}))


if __name__ == "__main__":
    main()
