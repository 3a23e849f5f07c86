"""How the stand-in answers each command: aiosmtpd asks it."""

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, Session

from hub.sdk.simulator import DRIP_BYTES, Fault
from hub_email.simulator.faults import RECIPIENTS, reply_of

if TYPE_CHECKING:
    from hub_email.simulator import EmailSimulator

OK: Final = "250 2.1.0 OK"
SIGN_IN: Final = "530 5.7.0 Authentication required"


class Postmaster:
    """Takes mail for everybody, but for faults and a few recipients."""

    def __init__(self, simulator: "EmailSimulator") -> None:
        self._simulator = simulator

    def authenticate(self, _server: Any, *said: Any) -> AuthResult:
        """Judge username and password; any will do if none are configured."""
        config, given = self._simulator.config, said[-1]
        wanted = config.get("username"), config.get("password")
        right = not any(wanted) or wanted == (
            given.login.decode(),
            given.password.decode(),
        )
        return AuthResult(success=right, handled=False, auth_data=given)

    # Their names and arguments are aiosmtpd's.

    async def handle_EHLO(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Answer EHLO, also the second one after STARTTLS."""
        if reply := await self._fault(server, "greeting"):
            return [reply]
        session.host_name = hostname
        return responses

    async def handle_AUTH(  # noqa: N802
        self, server: SMTP, _session: Session, _envelope: Envelope, _args: list[str]
    ) -> Any:
        """Answer AUTH with a fault, or leave it to `authenticate`."""
        return await self._fault(server, "sign-in") or MISSING

    async def handle_MAIL(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Answer MAIL FROM."""
        if reply := await self._fault(server, "sender"):
            return reply
        if self._simulator.config.get("username") and not session.authenticated:
            return SIGN_IN
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return OK

    async def handle_RCPT(  # noqa: N802
        self,
        server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Answer RCPT TO."""
        if reply := await self._fault(server, "recipient"):
            return reply
        if meant := RECIPIENTS.get(address.partition("@")[0].lower()):
            return meant
        envelope.rcpt_tos.append(address)
        return OK

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take the mail, or not."""
        fault = self._simulator.fault_at("message")
        late = fault is not None and fault.kind in ("timeout_after", "drop_after_data")
        if fault and not late:
            reply = await self._carried_out(server, fault, "message")
            if reply:
                return reply
        mail = self._simulator.receive(
            envelope.mail_from or "",
            tuple(envelope.rcpt_tos),
            bytes(envelope.original_content or b""),
        )
        if fault and late:
            await self._carried_out(server, fault, "message")
        return f"250 2.0.0 OK: queued as {mail.number}"

    async def _fault(self, server: SMTP, stage: str) -> str:
        fault = self._simulator.fault_at(stage)
        return await self._carried_out(server, fault, stage) if fault else ""

    async def _carried_out(self, server: SMTP, fault: Fault, stage: str) -> str:
        """Do what the fault is; return its reply, "" where it goes on as usual."""
        if fault.kind in ("slow", "timeout_after"):
            await asyncio.sleep(fault.seconds)
            return ""
        if fault.kind in ("drop", "drop_after_data"):
            transport = server.transport
            if isinstance(transport, asyncio.Transport):
                transport.abort()
            # The end of the connection ends this, too.
            await asyncio.Event().wait()
        reply = reply_of(fault, stage)
        if fault.kind == "drip":
            for byte in reply.ljust(DRIP_BYTES).encode():
                server._writer.write(bytes([byte]))
                await asyncio.sleep(1)
        return reply
