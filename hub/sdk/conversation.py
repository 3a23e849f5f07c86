"""A talk with a server in another protocol than HTTP, held to the same rules.

The plugin brings the protocol; address, time, certificates and record are here.
"""

import io
import socket
import ssl
from dataclasses import dataclass, field
from typing import Final

import certifi

from hub.sdk import transport
from hub.sdk.addresses import refuse_off_limits
from hub.sdk.records import Noted
from hub.sdk.redaction import EXCERPT_CHARS, Redactor
from hub.sdk.text import one_line

MOST_HEARD: Final = 1024 * 1024


@dataclass(frozen=True)
class Conversation:
    """One talk, inside `ctx.http.conversation(…)`.

    A protocol's library gets its socket from `connect` and reads from `reader`, so
    that a server that drips holds nobody. What is said and answered is noted with
    `say` and `hear`: never a credential or what is sent. Before the first byte of
    that leaves, `sends` is called: from then on a break leaves the outcome open.
    """

    host: str
    port: int
    _call: transport.Call = field(repr=False)
    _redactor: Redactor = field(repr=False)
    _noted: Noted = field(repr=False)

    def connect(self) -> socket.socket:
        """Return a connection to the server, wherever its name leads by now."""
        failed: OSError = ConnectionError("the name leads nowhere")
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except UnicodeError:  # no name in the DNS can be so
            raise failed from None
        for *_, address in found:
            refuse_off_limits(str(address[0]))
            seconds = self.left(transport.CONNECT_SECONDS)
            try:
                made = socket.create_connection(address[:2], seconds)  # type: ignore[arg-type]
            except OSError as error:
                failed = error
                continue
            made.settimeout(self.left(transport.READ_SECONDS))
            return made
        raise failed

    def secured(self, connection: socket.socket) -> ssl.SSLSocket:
        """Go on in TLS; the certificate must be the server's."""
        trusted = transport.certificates() or certifi.where()
        context = ssl.create_default_context(cafile=trusted)
        connection.settimeout(self.left(transport.READ_SECONDS))
        return context.wrap_socket(connection, server_hostname=self.host)

    def reader(self, connection: socket.socket) -> io.BufferedReader:
        """Return a file to read from, of which each read has what time is left; from
        a server that says too much it breaks off."""
        return transport.reader(connection, MOST_HEARD)

    def left(self, most: float | None = None) -> float:
        """Return the seconds left, `most` at most; TimeoutError if there are none."""
        return self._call.left(most)

    def sends(self) -> None:
        """Note that what is to be sent begins to leave."""
        self._call.sent = True

    def say(self, line: str) -> None:
        """Note what was said."""
        self._noted.request = self._longer(self._noted.request, line)

    def hear(self, status: int, line: str) -> str:
        """Note an answer; return its words with the secrets out of them."""
        self._noted.status = status
        self._noted.size += len(line)
        words = self._redactor.text(one_line(line))
        self._noted.answer = self._longer(self._noted.answer, f"{status} {words}")
        return words

    def _longer(self, noted: str, line: str) -> str:
        together = f"{noted}\n{self._redactor.text(line)}".strip()
        return together[:EXCERPT_CHARS]
