"""Carries connections from a port of the loopback device to a unix socket: PORT SOCKET READY-FILE."""

from __future__ import annotations

import asyncio
import sys


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        inward, outward = await asyncio.open_unix_connection(sys.argv[2])
    except OSError:
        writer.close()
        return
    sending = asyncio.ensure_future(pump(reader, outward))
    await pump(inward, writer)
    sending.cancel()
    outward.close()
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(carry, "127.0.0.1", int(sys.argv[1]))
    open(sys.argv[3], "w").close()
    await server.serve_forever()


asyncio.run(main())
