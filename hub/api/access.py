"""Who asks: bearer tokens, roles, and one answer per Idempotency-Key."""

import hashlib
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, NoReturn, cast

from flask import Response, abort, current_app, g, make_response, request

from hub.api.problems import problem
from hub.boot import Hub
from hub.core import idempotency
from hub.core.people import accounts
from hub.core.people.accounts import Principal
from hub.core.queries.filters import is_storable
from hub.sdk.errors import ForbiddenError, NotFoundError

ADMIN = ("admin",)
STAFF = ("admin", "billing")
WRITERS = ("admin", "billing", "ingest")
View = Callable[..., Any]


def the_hub() -> Hub:
    """The hub this application serves."""
    return cast(Hub, current_app.extensions["hub"])


def who() -> Principal:
    """Whoever asks; only inside a view that is `allowed`."""
    return cast(Principal, g.principal)


def actor() -> str:
    """Whoever asks, as the audit names them."""
    return who().actor


def allowed(*roles: str, repeatable: bool = True) -> Callable[[View], View]:
    """Let only these roles in, by bearer token: a session cookie is not looked at,
    so that no page of another site can use it. What is not `repeatable` takes no
    Idempotency-Key: its answer holds a secret, and would have to be kept."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            g.principal = _principal()
            _check(kwargs.values())
            if g.principal.role not in roles:
                raise ForbiddenError(
                    f"A token with the role {g.principal.role} may not do this;"
                    f" it takes {' or '.join(roles)}."
                )
            if request.method != "POST" or "Idempotency-Key" not in request.headers:
                return view(*args, **kwargs)
            if not repeatable:
                abort(problem(400, "This request takes no Idempotency-Key."))
            return _once(lambda: view(*args, **kwargs))

        # flask-smorest merges this into the operation's documentation.
        told = {"x-roles": list(roles), "x-repeatable": repeatable}
        checked._apidoc = {  # type: ignore[attr-defined]
            **getattr(view, "_apidoc", {}),
            "manual_doc": told,
        }
        return checked

    return decorate


def _check(ids: Iterable[object]) -> None:
    """What no database can hold is nobody's id."""
    for id in ids:
        if not is_storable(id) if isinstance(id, str) else cast(int, id) >= 2**62:
            raise NotFoundError("There is nothing with this id.")


def _principal() -> Principal:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        _unauthorized(
            "Send a token: `Authorization: Bearer hub_…`. An admin makes one"
            " with `hub tokens create`."
        )
    principal = accounts.principal_of(the_hub(), token.strip())
    if principal is None:
        _unauthorized("The token is not known or was revoked.")
    return principal


def _unauthorized(detail: str) -> NoReturn:
    abort(problem(401, detail, headers={"WWW-Authenticate": 'Bearer realm="hub"'}))


def _once(work: Callable[[], Any]) -> Response:
    """Do the work once per key; the same answer is given again for 24 hours."""
    key, user = request.headers["Idempotency-Key"], who().user_id
    body = request.get_data(cache=True)
    head = f"{request.method} {request.full_path}\n".encode()
    request_hash = hashlib.sha256(head + body).hexdigest()
    kept = idempotency.begin(the_hub(), user, key, request_hash)
    if kept is not None:
        return Response(kept.body, kept.status, content_type="application/json")
    try:
        answer = make_response(work())
    except BaseException:
        idempotency.forget(the_hub(), user, key)
        raise
    text = answer.get_data(as_text=True)
    idempotency.finish(the_hub(), user, key, idempotency.Kept(answer.status_code, text))
    return answer
