"""A Python client of the plain WebSocket protocol (v1), written from docs/protocol.md alone.

It behaves as the streamrelay package for Python does: `json.dumps` with its spaces, the secret in the
URL unless told otherwise, `error` followed by `done`, `done` said once more on leaving the context, a
consumer that stops at `done` and raises on `error`. Everything it has to tell goes to stdout, one JSON
object a line. Exit codes: 0 done, 1 the stream's error, 3 closed by the relay, or cut off.
"""

import argparse
import asyncio
import base64
import inspect
import json
import os
import sys
from urllib.parse import quote

import websockets
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class StreamError(Exception):
    """The stream holds an `error` message."""


class Envelope:
    """Seals and opens messages; without a key it leaves them as they are."""

    def __init__(self, key):
        self._cipher = AESGCM(key_bytes(key)) if key else None

    def seal(self, message):
        text = json.dumps(message)
        if self._cipher is None:
            return text
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), None)
        return json.dumps({"type": "enc", "d": base64.b64encode(sealed).decode()})

    def open(self, text):
        message = json.loads(text)
        if self._cipher is None:
            return message
        if message["type"] == "error":  # the relay's own: it has no key
            return message
        if message["type"] != "enc":
            raise StreamError("plain message of type " + message["type"] + " in a stream with a key")
        sealed = base64.b64decode(message["d"], validate=True)
        return json.loads(self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None))


class Producer:
    """A producer as the package has it: a context manager that says `done` as it is left."""

    def __init__(self, options):
        self._options = options
        self._envelope = Envelope(options.key)

    async def __aenter__(self):
        self._socket = await connect(self._options, "produce")
        return self

    async def __aexit__(self, *_):
        if self._socket.close_code is None:
            await self.done({})
        await self._socket.close()

    async def token(self, content):
        await self._send({"type": "token", "content": content})

    async def done(self, usage):
        await self._send({"type": "done", "usage": usage})

    async def error(self, message):
        await self._send({"type": "error", "message": message})
        await self.done({})

    async def wait_closed(self):
        await self._socket.wait_closed()
        tell_close(self._socket.close_code, self._socket.close_reason)

    async def _send(self, message):
        await self._socket.send(self._envelope.seal(message))


def key_bytes(text):
    """A key is 64 hex digits, or base64 in either alphabet."""
    if len(text) == 64:
        return bytes.fromhex(text)
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)


async def connect(options, role):
    url = f"{options.url}/{role}/{options.channel}"
    headers = {}
    if options.secret and options.auth == "query":
        url += f"?secret={quote(options.secret, safe='')}"
    if options.secret and options.auth == "header":
        headers["Authorization"] = f"Bearer {options.secret}"
    # renamed in version 14 of the library; Debian 12 has 10.4
    parameters = inspect.signature(websockets.connect.__init__).parameters
    name = "extra_headers" if "extra_headers" in parameters else "additional_headers"
    socket = await websockets.connect(url, **{name: headers})
    if options.secret and options.auth == "message":
        await socket.send(json.dumps({"type": "auth", "secret": options.secret}))
    return socket


async def produce(options):
    async with Producer(options) as producer:
        tokens = tokens_of(options)
        for token in tokens:
            await producer.token(token)
            await asyncio.sleep(options.pace / 1000)
        tell({"event": "sent", "tokens": len(tokens)})
        if options.hold:
            await producer.wait_closed()
        elif options.error is not None:
            await producer.error(options.error)
        else:
            await producer.done({"completion_tokens": len(tokens)})


async def consume(options):
    socket = await connect(options, "consume")
    envelope = Envelope(options.key)
    tell({"event": "connected"})
    async for text in socket:
        message = envelope.open(text)
        if message["type"] == "token":
            tell({"event": "token", "content": message["content"]})
        elif message["type"] == "done":
            tell({"event": "done", "usage": message.get("usage")})
            if options.until_close:
                continue
            await socket.close()
            return
        elif message["type"] == "error":
            tell({"event": "error", **{name: message[name] for name in message if name != "type"}})
            raise StreamError(message.get("message"))
    # the loop above raises unless close frames went both ways (RFC 6455, 7.1.1)
    tell_close(socket.close_code, socket.close_reason)
    sys.exit(0 if options.until_close else 3)


async def health(options):
    async with websockets.connect(options.url + "/health") as socket:
        tell({"event": "health", "health": json.loads(await socket.recv())})
        await socket.wait_closed()
        tell_close(socket.close_code, socket.close_reason)


def tokens_of(options):
    if options.text is None:
        return [f"token {number}\n" for number in range(options.tokens)]
    return [options.text[start:start + 3] for start in range(0, len(options.text), 3)]


def tell(event):
    print(json.dumps(event), flush=True)


def tell_close(code, reason):
    tell({"event": "close", "code": code, "reason": reason})


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["produce", "consume", "health"])
    parser.add_argument("--url", required=True)
    parser.add_argument("--channel", default="")
    parser.add_argument("--secret")
    parser.add_argument("--auth", choices=["query", "message", "header"], default="query")
    parser.add_argument("--key", help="64 hex digits or base64")
    parser.add_argument("--tokens", type=int, default=10, help="how many to produce")
    parser.add_argument("--text", help="what to produce instead, three characters a token")
    parser.add_argument("--pace", type=float, default=0, help="time between two tokens, ms")
    parser.add_argument("--error", metavar="MESSAGE", help="end with this error")
    parser.add_argument("--until-close", action="store_true", help="consume on after done")
    parser.add_argument("--hold", action="store_true", help="stay, and do not say done")
    return parser.parse_args()


def main():
    options = parse_arguments()
    run = {"produce": produce, "consume": consume, "health": health}[options.mode]
    try:
        asyncio.run(run(options))
    except StreamError as error:
        sys.exit(f"StreamError: {error}")
    except websockets.ConnectionClosed as closed:
        tell_close(closed.rcvd and closed.rcvd.code, closed.rcvd and closed.rcvd.reason)
        sys.exit(3)


if __name__ == "__main__":
    main()
