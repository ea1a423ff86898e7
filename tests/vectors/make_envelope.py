#!/usr/bin/env python3
"""Makes envelope.json: envelopes sealed by Python's `cryptography`, for ours to open.

Run it as `python3 make_envelope.py > envelope.json`. Keys and nonces come from SHA-256 of a counter,
so that a second run writes the same file. Never do that outside a test: a nonce must not repeat.
"""

import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = {"type": "token", "content": "Hello"}
WORLD = {"type": "token", "content": "日本語 漢字 👩‍🚀🏳️‍🌈 é \"\\\n"}
USAGE = {"prompt_tokens": 12, "completion_tokens": 345, "total_tokens": 357}
PLACE = {"ch": "job-7", "ep": "0mg3x9k2a-Zk3_b0aTq9-x"}


def raw(message):
    """JSON that leaves its text as UTF-8, as JSON.stringify does."""
    return json.dumps(message, ensure_ascii=False)


def compact(message):
    """JSON as JSON.stringify writes it."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def padded(message, multiple):
    """JSON whose UTF-8 has a multiple of so many bytes, by spaces in its last field."""
    bare = len(compact({**message, "p": ""}).encode())
    return compact({**message, "p": " " * (-bare % multiple)})


PLAINTEXTS = {
    "the empty string": "",
    "a token": json.dumps(TOKEN),
    "a token of no text": json.dumps({"type": "token", "content": ""}),
    "emoji and CJK, escaped as Python does by default": json.dumps(WORLD),
    "emoji and CJK, as UTF-8": raw(WORLD),
    "a byte order mark before the message": "\ufeff" + raw(TOKEN),
    "100 kB of content": json.dumps({"type": "token", "content": "0123456789" * 10_000}),
    "a done": json.dumps({"type": "done"}),
    "a done with usage": json.dumps({"type": "done", "usage": USAGE}),
    "an error": json.dumps({"type": "error", "message": "CUDA out of memory"}),
    "a token with its place in the stream": compact({**WORLD, **PLACE, "n": 0}),
    "a done with its place, padded to a multiple of 128 bytes": padded({"type": "done", **PLACE, "n": 41}, 128),
}


def derive(purpose, counter):
    return hashlib.sha256(f"streamrelay {purpose} {counter}".encode()).digest()


def vector(counter, name, plaintext):
    key, nonce = derive("key", counter), derive("nonce", counter)[:12]
    sealed = nonce + AESGCM(key).encrypt(nonce, plaintext.encode(), None)
    return {
        "name": name,
        "key_hex": key.hex(),
        "key_base64": base64.b64encode(key).decode(),
        "key_base64url": base64.urlsafe_b64encode(key).decode().rstrip("="),
        "nonce": nonce.hex(),
        "plaintext": plaintext,
        "envelope": json.dumps({"type": "enc", "d": base64.b64encode(sealed).decode()}),
    }


vectors = [vector(i, *item) for i, item in enumerate(PLAINTEXTS.items())]
json.dump(vectors, sys.stdout, indent=2)  # ASCII: no editor can normalise what is compared here
print()
