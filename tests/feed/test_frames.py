"""Ten thousand frames of nonsense: each socket is closed in good order, and those who speak sense notice nothing."""

from __future__ import annotations

import asyncio
import base64
import random
from collections import Counter

import orjson

from tests.feed.test_following import BALANCE
from tests.feed.test_socket import EVENTS, UPSERT, WHO, bearer, until
from tests.feed.wire import frame

FRAMES, CLIENTS, OF_ONE_SOCKET = 10_000, 20, 60
DOCUMENTS = [
    WHO, EVENTS, UPSERT, "", "\0", "{", "{ nope }", "{ __typename }", "{ head }", "mutation { __typename }", "{ " * 400,
    "query A { __typename } query B { __typename }", "{ person(ref: {number: 9}) { name } }",
    "subscription { balanceChanged { __typename } }", "subscription { events { __typename } balanceChanged { __typename } }",
]  # fmt: skip
WORDS = [
    "",
    "a",
    "7",
    "\0",
    "é",
    "\U0001f600",
    "null",
    "x" * 300,
    "__proto__",
    "ping",
    "subscribe",
    "type",
    "id",
    "payload",
]


class Nonsense:
    """Frames by chance: most can be borne by a socket, one in twenty cannot."""

    def __init__(self, seed, token):
        self.chance, self.token = random.Random(seed), token

    def frames(self):
        """One message, in one frame or in several, perhaps with control frames between them."""
        kind = self.chance.random()
        if kind < 0.95:
            return self.split(orjson.dumps(self.bearable()))
        if kind < 0.98:
            return self.split(orjson.dumps(self.mutated()))
        if kind < 0.99:
            return self.split(self.chance.choice([self.text(), orjson.dumps(self.json()), self.bytes()]))
        return self.broken()

    def bearable(self):
        payload = {"query": self.chance.choice(DOCUMENTS)}
        for name in ("query", "variables", "operationName", "extensions", "x"):
            if self.chance.random() < 0.15:
                payload[name] = self.json()
        id = self.chance.choice([f"{self.chance.random()}", "x" * 200 + f"{self.chance.random()}"])
        known = {"type": "subscribe", "id": id, "payload": payload}
        end = {"type": "complete", "id": self.chance.choice([id, "never"])}
        ping = {"type": "ping", "payload": self.chance.choice([None, {}, {"a": self.json()}])}
        return self.chance.choice([known, known, end, ping, {"type": "pong"}, {"type": "pong", "x": self.json()}])

    def mutated(self):
        message = self.chance.choice([self.bearable(), bearer(self.token)])
        name = self.chance.choice([*message, *WORDS])
        if self.chance.random() < 0.3:
            message.pop(name, None)
        else:
            message[name] = self.json()
        return message

    def json(self, depth=0):
        kind = self.chance.randrange(8 if depth < 4 else 6)
        if kind < 6:
            return [None, True, self.chance.randrange(-(2**63), 2**63), self.chance.random() * 1e300,
                    self.chance.choice(WORDS), self.chance.choice(DOCUMENTS)][kind]  # fmt: skip
        size = self.chance.randrange(4)
        if kind == 6:
            return [self.json(depth + 1) for _ in range(size)]
        return {self.chance.choice(WORDS): self.json(depth + 1) for _ in range(size)}

    def text(self):
        return "".join(self.chance.choice('{}[]",:\\etypid 0é\0') for _ in range(self.chance.randrange(200))).encode()

    def bytes(self):
        return self.chance.randbytes(self.chance.choice([0, 1, 125, 126, 5_000, 70_000]))

    def split(self, data):
        parts = self.chance.choice([1, 1, 1, 2, 5])
        step = max(1, -(-len(data) // parts))
        pieces = [data[at : at + step] for at in range(0, len(data), step)] or [b""]
        first = 1 if self.chance.random() < 0.99 else 2
        for number, piece in enumerate(pieces):
            yield frame(piece, first if number == 0 else 0, last=number == len(pieces) - 1)
            if self.chance.random() < 0.1:
                yield frame(self.chance.randbytes(self.chance.randrange(126)), self.chance.choice([9, 10]))

    def broken(self):
        """What is against the rules of frames themselves."""
        yield self.chance.choice([
            frame(b"", 0), frame(b"x", 3), frame(b"x", 9, last=False), frame(b"x" * 126, 9), b"\xc1\x80" + bytes(4),
            b"\x81\x02{}", frame(b"", 1, last=False) + frame(b"", 1), frame(b"x", 8), frame(b"\x03\xed", 8),
            frame(b"\x03\xe8", 8), b"\x81\xff" + b"\xff" * 8, self.chance.randbytes(50),
        ])  # fmt: skip


class Client:
    """A socket by hand: what it writes is written, whatever it is."""

    async def connect(self, port):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        key = base64.b64encode(random.Random(port).randbytes(16)).decode()
        self.writer.write(
            (
                f"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
            ).encode()
        )
        assert b" 101 " in await self.reader.readuntil(b"\r\n\r\n")
        self.code = asyncio.create_task(self._code())
        return self

    async def _code(self):
        """The code with which the server closes; 1006 where it only hangs up."""
        try:
            while True:
                first, size = await self.reader.readexactly(2)
                if size > 125:
                    size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
                data = await self.reader.readexactly(size)
                if first == 0x88:
                    return int.from_bytes(data[:2]) or 1005
        except (asyncio.IncompleteReadError, OSError):
            return 1006

    async def write(self, data):
        self.writer.write(data)
        await asyncio.sleep(0)


async def test_ten_thousand_frames_of_nonsense_break_nothing(watch, wire, make, served, knobs, quiet_log):
    knobs(socket_operations_max=20, socket_ping_seconds=0.3)  # whoever never ends a frame is found by it
    anna = await make.person("1 EUR")
    board = await watch(make.user(anna))
    following = await board.subscribe(BALANCE)
    assert (await following.event())["version"] == 1
    codes, sent = Counter(), 0

    async def babble(number):
        nonlocal sent
        nonsense = Nonsense(number, make.operator.token)
        while sent < FRAMES:
            client = await Client().connect(served.port)
            if nonsense.chance.random() < 0.9:
                await client.write(frame(bearer(make.operator.token)))
            for _ in range(nonsense.chance.randrange(OF_ONE_SOCKET)):
                for written in nonsense.frames():
                    if not client.code.done():
                        sent += 1
                        await client.write(written)
            if nonsense.chance.random() < 0.1:
                client.writer.transport.abort()
                continue
            if not client.code.done():
                await client.write(frame(b"\x03\xe8", 8))
            async with asyncio.timeout(10):
                codes[await client.code] += 1
            client.writer.close()

    await asyncio.gather(*(babble(number) for number in range(CLIENTS)))
    assert sent >= FRAMES
    assert codes.total() > 200
    assert not {1006, 1011, 4500} & set(codes), codes
    assert {1000, 1002, 4400, 4401} <= set(codes), codes
    await until(lambda: served.app.state.connections.open == 1)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "operation"][1:]
    await make.adjust(anna, "1 EUR")
    assert (await following.event())["version"] == 2
    await (await wire(make.operator)).works()
