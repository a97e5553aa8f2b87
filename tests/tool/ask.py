#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One request to a control socket, as any program of this machine may send it.

    ask.py SOCKET VERB [NAME=TEXT]… [--data FILE] [--unheard]

Prints the reply's code, words and cells as JSON; exits with its exit code. --unheard: sends the request, ends the connection, and hears no answer."""
import json
import socket
import struct
import sys


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


def fields(body):
    at = 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            n |= (body[at] & 127) << shift
            shift += 7
            at += 1
            if body[at - 1] < 128:
                return n

    while at < len(body):
        tag = number()
        value = number()
        if tag & 7 == 2:
            value, at = body[at:at + value], at + value
        yield tag >> 3, value


def whole(link):
    message, more = b"", True
    while more:
        head = struct.unpack(">I", link.recv(4, socket.MSG_WAITALL))[0]
        more = head >> 31
        message += link.recv(head & 0x1fffffff, socket.MSG_WAITALL)
    return message


def main():
    words = sys.argv[2:]
    data, unheard = b"", "--unheard" in words
    words = [w for w in words if w != "--unheard"]
    if "--data" in words:
        at = words.index("--data")
        data = open(words[at + 1], "rb").read()
        del words[at:at + 2]
    message = b"\x08\x01" + field(2, words[0].encode())
    for word in words[1:]:
        name, text = word.split("=", 1)
        message += field(3, field(1, name.encode()) + field(2, text.encode("utf-8", "surrogateescape")))
    if data:
        message += field(4, data)
    link = socket.socket(socket.AF_UNIX)
    link.connect(sys.argv[1])
    link.sendall(b"".join(struct.pack(">I", (at + 65536 < len(message)) << 31 | 1 << 29 | len(message[at:at + 65536])) + message[at:at + 65536]
                          for at in range(0, len(message), 65536)))
    if unheard:
        return 0
    reply = {"exit": 0, "code": "", "why": "", "cells": {}}
    for number, value in fields(whole(link)):
        if number == 1:
            reply["exit"] = value
        elif number in (2, 3):
            reply[["code", "why"][number - 2]] = value.decode()
        elif number == 5:
            row = list(fields(value))
            if all(n != 1 or v == b"" for n, v in row):
                for cell in (dict(fields(v)) for n, v in row if n == 2):
                    reply["cells"][cell.get(1, b"").decode()] = cell[3].decode() if 3 in cell else cell.get(4, 0)
    print(json.dumps(reply))
    return reply["exit"]


sys.exit(main())
