"""python -m smartcare.demo.outside --http PORT --smtp PORT --folder DIR: run until ended."""

import argparse
import asyncio
import threading
from pathlib import Path

from smartcare.demo.outside import receiver, smtp
from smartcare.demo.outside.mailbox import Mailbox


async def run(http: int, mail: int, folder: Path) -> None:
    mailbox = Mailbox(folder)
    web = receiver.server(mailbox, http)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    server = await smtp.serve(mailbox, mail)
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--http", type=int, required=True)
    parser.add_argument("--smtp", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    wanted = parser.parse_args()
    asyncio.run(run(wanted.http, wanted.smtp, wanted.folder))


if __name__ == "__main__":
    main()
