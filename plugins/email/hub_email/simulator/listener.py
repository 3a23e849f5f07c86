"""The stand-in's SMTP port: aiosmtpd in a thread that ends with the process."""

import asyncio
import logging
import socket
import ssl
import threading
from typing import Any

from aiosmtpd.smtp import SMTP

# It logs whole talks.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


class Listener:
    """Listens on a free port of this machine from the beginning until `close`.

    With `tls` it offers STARTTLS, or speaks TLS `at_once`.
    """

    def __init__(
        self, handler: Any, tls: ssl.SSLContext | None = None, *, at_once: bool = False
    ) -> None:
        self._handler = handler
        self._tls, self._at_once = tls, at_once
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and end the talks."""
        if self._begun.wait(10) and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)

    def _run(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(
            loop.create_server(
                self._protocol,
                sock=self._socket,
                ssl=self._tls if self._at_once else None,
            )
        )
        loop.call_soon(self._begun.set)
        loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        # The connections of those tasks are closed on the next turns of the loop.
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()

    def _protocol(self) -> SMTP:
        return SMTP(
            self._handler,
            hostname="mail.example.com",
            ident="stand-in ESMTP",
            enable_SMTPUTF8=True,
            tls_context=None if self._at_once else self._tls,
            auth_require_tls=False,
            authenticator=self._handler.authenticate,
            loop=self._loop,
        )
