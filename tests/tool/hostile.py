#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A city that is followed, or a stranger, and means harm: what it sends is within TLS and often within the format, but never in good faith.

    hostile.py --home DIR --to HOST:PORT SHAPE [--city city1…] [--invite IU1:…] [--seconds S] [--count N]

Shapes: unfinished (many sessions, on each lane a message that never ends), pings (whose answers are not read), broken (one session for each way
to break a frame), liar (claims more of --city's log than there is and never serves, and comes again), chains (its own chain over and over),
clone (says that another copy of the node runs), guess (secrets for --invite, then one secret by many at once), strangers (under a new name
each time), titles (documents whose words would steer a terminal or leave a folder), names (words that turn text around), files
(attachments of which something else comes than was asked for, by --how), replay (frames of an honest session again), addresses (where it can be
dialled), key_updates, slow (takes --how bytes a second of what it asked for).
Prints one JSON object: how each session ended."""
import argparse
import ctypes
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
        body = self.frame(**fields).SerializeToString(deterministic=True)
        return b"".join(fragment(lane, body[i:i + FULL], i + FULL < len(body)) for i in range(0, len(body), FULL))

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


    def entry_of(self, title, name="a.txt", attachments=(), **header):
        """One more document of this city's log."""
        entry = self.entry
        body = entry.DocumentBody(title=title, content=entry.Content(name=name, data=b"x") if name is not None else None,
                                  attachments=attachments).SerializeToString()
        salt = os.urandom(32)
        head = entry.Header(kind=20, date_ms=int(time.time() * 1000), body_commit=reader.sha(salt, body), body_len=len(body),
                            fields=entry.Document(type=1).SerializeToString(), **header)
        self.items.append(self.sync.Item(header=head.SerializeToString(), salt=salt, body=body))
        return len(self.items) - 1

    def publish(self):
        self.leaves = [self.leaf(i, item) for i, item in enumerate(self.items)]
        self.sign()
        self.announce()


class File:
    """An attachment: what its entry says of it, and its chunks as they are served."""

    def __init__(self, entry, data, name="a.bin", size=None):
        self.data = data
        self.leaves = [reader.sha(b"\0", data[i:i + FULL]) for i in range(0, len(data), FULL)]
        self.said = entry.Attachment(name=name, media="application/octet-stream", size=len(data) if size is None else size,
                                     root=forge.subtree(self.leaves), sha256=reader.sha(data))

    def left(self, to):
        out, at = [], 0
        while at < to:
            step = 1 << (to - at).bit_length() - 1
            out.append(forge.subtree(self.leaves[at:at + step]))
            at += step
        return b"".join(out)

    def chunks(self, sync, want, first, to):
        out = sync.Chunks(city=want.city, log=want.log, index=want.index, attachment=want.attachment,
                          data=self.data[first * FULL:to * FULL], left=self.left(first),
                          right=b"".join(forge.right_edge(self.leaves, to)))
        setattr(out, "from", first)
        return out


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
        "too many heads": lambda s: s.bytes_of(heads=sync.Heads(items=[head(i + 1) for i in range(1025)])),
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


def names(args, sync, entry):
    """A charter, a document and words of a session in which characters turn the text around, or hide."""
    turn, shut = "\u202e", "\u2066\u200b"
    session = Hostile(args, sync, entry)
    session.addresses = [f"a{turn}b.example:1", "good.example:2"]
    reader.need(session.greet(), "not admitted")
    session.take()
    body = entry.CharterBody(contact=f"it{turn}@lyon.example", about=f"about{shut}").SerializeToString()
    salt = os.urandom(32)
    fields = entry.Charter(name=f"Ly{turn}no", handle="lyon", domain=args.how or "lyon.example", languages=["fr"], **{"class": 1},
                           codes=[f"c{turn}"]).SerializeToString()
    head = entry.Header(kind=1, date_ms=int(time.time() * 1000), body_commit=reader.sha(salt, body), body_len=len(body), fields=fields)
    session.items.append(sync.Item(header=head.SerializeToString(), salt=salt, body=body))
    first = session.entry_of(f"Title{turn}eltit", f"plan{turn}fdp.txt", [File(entry, b"x" * 9, f"map{shut}.bin").said], tags=[f"t{turn}ag"],
                             licence=f"CC{turn}0")
    session.serve_chunks = lambda want: session.raw(session.bytes_of(3, chunks=File(entry, b"x" * 9).chunks(sync, want, 0, 1)))
    session.publish()
    end = session.listen(args.seconds)
    session.raw(session.bytes_of(bye=sync.Bye(code=9, reason=f"go{turn}ing")))
    session.listen(1)
    return {"first": first, "end": end}


def files(args, sync, entry):
    """Attachments of which what comes is not what was asked for; --how says what is the matter. How often each session was asked, and ends."""
    good, asked, begin, ends = os.urandom(5 * FULL + 9), [0], time.time(), []
    gib = 1 << 30

    def answer(session, want, file):
        asked[0] += 1
        first, to = getattr(want, "from"), min(want.to, len(file.leaves) if file else 0)
        if first < to:
            chunks = file.chunks(sync, want, first, to)
        if args.how == "absent" or first >= to:
            chunks = sync.Chunks(city=want.city, log=want.log, index=want.index, attachment=want.attachment, absent=True)
            setattr(chunks, "from", first)
        elif args.how == "garbage":
            chunks.data = os.urandom(len(chunks.data))
        elif args.how == "mixed":
            other = file.chunks(sync, want, 1, 3)
            for item in (other, chunks, chunks, file.chunks(sync, want, 2, 4), other):
                session.raw(session.bytes_of(3, chunks=item))
            return
        if args.how not in ("never", "drip"):
            session.raw(session.bytes_of(3, chunks=chunks))

    def session_with(known):
        session = admitted(args, sync, entry)
        session.take()
        if not known:
            for i in range(args.count):
                size = gib if args.how in ("never", "drip") else None
                known[len(session.items)] = File(entry, good if i == 0 else os.urandom(FULL), size=size)
                session.entry_of(f"file {i}", None, [known[len(session.items)].said])
        session.serve_chunks = lambda want: answer(session, want, known.get(want.index))
        session.publish()
        return session
    known = {}
    while time.time() - begin < args.seconds:
        session = session_with(known)
        if args.how == "drip":
            session.raw(fragment(3, b"\x5a" * 9, True))
            while time.time() - begin < args.seconds:
                session.listen(1)
                session.raw(fragment(3, b"\0", True))
        ends.append(session.listen(max(0.1, begin + args.seconds - time.time())))
        session.link.socket.close()
    return {"asked": asked[0], "ends": ends, "first": min(known)}


def replay(args, sync, entry):
    """What an honest session sent is sent again to the byte, --count times: each frame in a session of its own, and all in one."""
    sent = []

    def send(frame, lane=1):
        sent.append((frame.ListFields()[0][0].name, fragment(lane, frame.SerializeToString(deterministic=True))))
        keep(frame, lane)
    first = Hostile(args, sync, entry)
    first.link.send, keep = send, first.link.send
    reader.need(first.greet(), "not admitted")
    first.take()
    first.entry_of("once", "once.txt")
    first.publish()
    out = {"honest": first.listen(args.seconds)}
    for name, data in sent:
        session = admitted(args, sync, entry)
        cut = False
        try:
            for _ in range(args.count // 100):
                session.raw(data * 100)
        except GONE:
            cut = True
        end = session.listen(args.seconds)
        out[name] = "cut" if cut else end[0] if isinstance(end, list) else end
        session.link.socket.close()
    session = Hostile(args, sync, entry)
    try:
        session.raw(b"".join(data for _, data in sent))
    except GONE:
        pass
    end = session.listen(args.seconds)
    out["all"] = end[0] if isinstance(end, list) else end
    return out


def addresses(args, sync, entry):
    """Where it can be dialled, it says: --how nowhere: at anybody's, everybody's and the node's own; else at what is no address, or at too many."""
    port = args.to.rpartition(":")[2]
    out = []
    nowhere = ["224.0.0.1:7466", "[ff02::1]:7466", "255.255.255.255:7466", "[::]:" + port, "0.0.0.0:" + port, args.to]
    for said in [nowhere] if args.how else (["\x1b[2J:1"], ["x" * 400 + ":1"], [f"host{n}.example:{n + 1}" for n in range(9)],
                 ["127.0.0.1:0", "127.0.0.1:65536", "unix:/tmp/x", "/run/x.sock:1", "a\u202eb:1", "no-port", ":1"]):
        session = Hostile(args, sync, entry)
        session.addresses = said
        try:
            session.greet()
            end = session.listen(args.seconds)
        except (reader.Bad, *GONE):
            end = session.seen["bye"] or "cut"
        out.append(end[0] if isinstance(end, list) else end)
        session.link.socket.close()
    return out


def key_updates(args, sync, entry):
    """Asks for --count key updates, in a row or one in --seconds, with an honest word in between."""
    from OpenSSL._util import ffi
    ssl = ctypes.CDLL("libssl.so.3")
    session = admitted(args, sync, entry)
    pointer = ctypes.c_void_p(int(ffi.cast("uintptr_t", session.link.sock._ssl)))
    done = 0
    try:
        for done in range(1, args.count + 1):
            reader.need(ssl.SSL_key_update(pointer, 1) == 1 and ssl.SSL_do_handshake(pointer) == 1, "no key update")
            session.raw(session.bytes_of(ping=sync.Ping(nonce=done)))
            if args.seconds:
                session.listen(args.seconds)
    except (reader.Bad, *GONE):
        pass
    return [done, session.listen(1)]


def odd(args, sync, entry):
    """Ends and breaks of TLS at odd moments; the first is honest. What the node does then: how long the connection lives."""
    def bare():
        return reader.Link(args.to, reader.Ed25519PrivateKey.generate())
    plain = {
        "honest": lambda s: s.sock.sendall(fragment(1, sync.Frame(ping=sync.Ping(nonce=1)).SerializeToString())),
        "garbage inside": lambda s: s.sock.sendall(os.urandom(4096)),
        "garbage outside": lambda s: s.socket.sendall(os.urandom(4096)),
        "a record cut off": lambda s: s.socket.sendall(b"\x17\x03\x03\x40\x00" + os.urandom(100)),
        "an alert in the clear": lambda s: s.socket.sendall(b"\x15\x03\x03\x00\x02\x02\x28"),
        "a hello of TLS again": lambda s: s.socket.sendall(b"\x16\x03\x03\x00\x04\x01\x00\x00\x00"),
        "close_notify and more": lambda s: (s.sock.shutdown(), s.socket.sendall(os.urandom(4096))),
        "close_notify": lambda s: s.sock.shutdown(),
        "half closed": lambda s: s.socket.shutdown(socket.SHUT_WR),
        "empty records": lambda s: [s.sock.sendall(b"") for _ in range(100)],
        "a message too long": lambda s: s.sock.sendall(fragment(1, b"\x42" * 20000)),
    }
    out = {}
    for name, act in plain.items():
        for kind, make in (("stranger", bare), ("admitted", lambda: admitted(args, sync, entry).link)):
            link, begin = make(), time.time()
            try:
                act(link)
                link.sock.setblocking(True)
                link.timeout(args.seconds)
                while time.time() - begin < args.seconds and link.socket.recv(65536):
                    pass
            except GONE:
                pass
            out[f"{name}, {kind}"] = round(time.time() - begin, 1)
            link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            link.socket.close()
    return out


def slow(args, sync, entry):
    """Asks for everything --city has published, over and over, and takes --how bytes of it in a second."""
    session = Hostile(args, sync, entry)
    session.link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.need(session.greet(), "not admitted")
    for _ in range(900):
        session.raw(session.bytes_of(want=sync.Want(city=unbech(args.city), log=1, to=args.count, form=3)))
    begin = time.time()
    try:
        while time.time() - begin < args.seconds:
            session.link.socket.recv(int(args.how))
            session.raw(session.bytes_of(ping=sync.Ping(nonce=1, answer=True)))
            time.sleep(1)
    except GONE:
        pass
    return round(time.time() - begin)


def titles(args, sync, entry):
    session = admitted(args, sync, entry)
    session.take()
    bad = ["\x1b[2J\x1b]0;x\x07", "a\0b", "a\u009b31m", "a\nb", "T" * 501]
    for title, name in [("honest", "honest.txt")] + [(t, "a.txt") for t in bad] + [("t", "../../up"), ("t", "\x1b[2J"), ("t", "a/b")]:
        session.entry_of(title, name)
    other = File(entry, b"not what is shown", "a.txt")
    session.entry_of("two of one name", "a.txt", [other.said])
    session.serve_chunks = lambda want: session.raw(session.bytes_of(3, chunks=other.chunks(sync, want, 0, 1)))
    session.publish()
    return [session.listen(args.seconds)]


def main():
    args = argparse.ArgumentParser()
    shapes = {f.__name__: f for f in (unfinished, pings, broken, liar, chains, clone, guess, strangers, titles, names, files, replay, addresses,
                                      key_updates, odd, slow)}
    args.add_argument("shape", choices=shapes)
    args.add_argument("--home", required=True)
    args.add_argument("--to", required=True)
    args.add_argument("--city")
    args.add_argument("--invite")
    args.add_argument("--how")
    args.add_argument("--seconds", type=float, default=3)
    args.add_argument("--count", type=int, default=1)
    args = args.parse_args()
    print(json.dumps({"ends": shapes[args.shape](args, *reader.load_proto())}))


if __name__ == "__main__":
    main()
