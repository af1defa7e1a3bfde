"""A mail server that takes every mail and sends none (RFC 5321, the part that a client on this machine needs)."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from smartcare.demo.outside.mailbox import Mailbox

LONGEST = 10_000_000  # bytes of one mail
PATIENCE_S = 60.0
NAME = "demo.invalid"


class Session:
    """One conversation. Answers are what a client waits for; nothing is refused but what is no SMTP."""

    def __init__(self, mailbox: Mailbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.mailbox, self.reader, self.writer = mailbox, reader, writer
        self.sender, self.recipients = "", list[str]()

    async def run(self) -> None:
        await self._say(f"220 {NAME} keeps your mail")
        while line := await self._line():
            word, _, rest = line.strip().partition(" ")
            if word.upper() == "QUIT":
                await self._say("221 bye")
                return
            await self._answer(word.upper(), rest)

    async def _answer(self, word: str, rest: str) -> None:
        acts: dict[str, Callable[[str], Awaitable[None]]] = {
            "EHLO": self._hello,
            "HELO": self._hello,
            "MAIL": self._begin,
            "RCPT": self._recipient,
            "DATA": self._data,
            "RSET": self._begin,
            "NOOP": lambda _: self._say("250 OK"),
        }
        act = acts.get(word)
        await (act(rest) if act else self._say("502 not here"))

    async def _hello(self, rest: str) -> None:
        await self._say(f"250-{NAME}\r\n250-8BITMIME\r\n250 SIZE {LONGEST}")

    async def _begin(self, rest: str) -> None:
        self.sender, self.recipients = _address(rest), []
        await self._say("250 OK")

    async def _recipient(self, rest: str) -> None:
        self.recipients.append(_address(rest))
        await self._say("250 OK")

    async def _data(self, rest: str) -> None:
        if not self.recipients:
            await self._say("503 to whom?")
            return
        await self._say("354 end with a dot")
        lines: list[bytes] = []
        size = 0
        while (line := await asyncio.wait_for(self.reader.readline(), PATIENCE_S)) != b".\r\n":
            size += len(line)
            if not line or size > LONGEST:
                raise ConnectionError("cut short, or too long")
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        self.mailbox.keep_mail(sender=self.sender, recipients=self.recipients, content=b"".join(lines), at=time.time())
        await self._begin("")

    async def _line(self) -> str:
        return (await asyncio.wait_for(self.reader.readline(), PATIENCE_S)).decode("utf-8", "replace")

    async def _say(self, text: str) -> None:
        self.writer.write(f"{text}\r\n".encode())
        await self.writer.drain()


def _address(rest: str) -> str:
    """'FROM:<a@example.org> SIZE=9' -> 'a@example.org'."""
    return rest.partition("<")[2].partition(">")[0]


async def serve(mailbox: Mailbox, port: int) -> asyncio.Server:
    """Listening on this machine alone. Raises OSError if the port is taken."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await Session(mailbox, reader, writer).run()
        except (ConnectionError, TimeoutError, ValueError):  # ValueError: a line without end
            pass
        finally:
            writer.close()

    return await asyncio.start_server(talk, "127.0.0.1", port, limit=1_000_000)
