"""A good plugin passes the suites, and each kind of bad one fails its case.

`tests/sdk/acme` is the good one; the classes below are what a third party writes.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests_mock

from hub.hookspecs import hookimpl
from hub.sdk import samples
from hub.sdk.context import Context
from hub.sdk.errors import RejectedError
from hub.sdk.events import Event
from hub.sdk.ledger import Balance, Company, Invoice
from hub.sdk.money import Money
from hub.sdk.provider import Provider, SettingsSchema, text
from hub.sdk.samples import Sample
from hub.sdk.sync import Page
from hub.sdk.testing import (
    Action,
    ActionSuite,
    MemoryLedger,
    MemoryLog,
    ProviderSuite,
    SimulatorSuite,
    Stage,
    SyncSuite,
    WebhookSuite,
    facts_from_json,
    facts_to_json,
    hooks_of,
    make_context,
    no_network,
)
from hub.sdk.webhooks import Heard, InboundWebhook, Result, Verified, WebhookRequest
from tests.sdk import acme

SAMPLES = Path(__file__).parent / "acme" / "samples"
SETTINGS = {"webhook_secret": "the-webhooks-secret", "api_key": "the-keys-own-value"}
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PAID = Event(
    id="evt_1",
    type="payment.received",
    subject="payment:pay_1",
    occurred_at=NOW,
    data={"amount": "12.00", "currency": "EUR"},
    url="https://hub.example.com/payments/pay_1",
)


class TestWebhooks(WebhookSuite):
    plugin = acme
    settings = SETTINGS
    samples = SAMPLES / "webhooks"
    now = NOW
    signature_headers = ("Acme-Signature", "Acme-Time")
    tolerance = acme.TOLERANCE
    rotating = {"webhook_secret": "a-newer-secret,the-webhooks-secret"}  # noqa: RUF012
    unknown_event = b'{"id": "e9", "type": "weather.changed"}'


class TestActions(ActionSuite):
    plugin = acme
    settings = SETTINGS
    samples = SAMPLES / "api"
    key_header = "Acme-Key"
    actions = (
        Action(
            hook="on_payment_received",
            file="note.json",
            arguments={"event": PAID},
            returns="n1",
        ),
    )


class TestProvider(ProviderSuite):
    plugin = acme
    settings = SETTINGS
    readme = Path(__file__).parent / "acme" / "README.md"


class TestSync(SyncSuite):
    plugin = acme
    settings = SETTINGS
    samples = SAMPLES / "api"


class TestSimulator(SimulatorSuite):
    plugin = acme

    def happen(self, stage: Stage) -> None:
        stage.post("/v1/payments", amount="12.00", currency="EUR")


# Each bad plugin below differs from the good one in one hook.


def bad(**hooks: Callable[..., Any]) -> Any:
    marked = {name: hookimpl(hook) for name, hook in hooks.items()}
    return SimpleNamespace(**{**vars(acme), **marked})


def fails(case: Callable[[], object]) -> str:
    with pytest.raises((AssertionError, pytest.fail.Exception)) as caught:
        case()
    return str(caught.value)


def webhooks(**changes: Any) -> Any:
    return type("Changed", (TestWebhooks,), changes)()


def actions(**changes: Any) -> Any:
    return type("Changed", (TestActions,), changes)()


@pytest.fixture
def sample() -> Sample:
    return TestWebhooks.all_samples()[0]


def test_plugin_that_believes_everything_fails(sample: Sample) -> None:
    def verify(request: WebhookRequest, ctx: Context) -> Verified:
        return Verified(dedupe_key="x")

    suite = webhooks(plugin=bad(verify_webhook=verify))
    for case in (
        suite.test_one_byte_changed_is_refused,
        suite.test_one_byte_more_is_refused,
        suite.test_missing_signature_is_refused,
        suite.test_signature_of_junk_is_refused,
        suite.test_wrong_secret_is_refused,
        suite.test_no_secret_refuses_everything,
        suite.test_old_signature_is_refused,
    ):
        fails(lambda case=case: case(sample))  # type: ignore[misc]


def test_dedupe_key_by_chance_fails(sample: Sample) -> None:
    calls: list[int] = []

    def verify(request: WebhookRequest, ctx: Context) -> Verified:
        calls.append(1)
        return Verified(dedupe_key=str(len(calls)))

    suite = webhooks(plugin=bad(verify_webhook=verify))
    fails(lambda: suite.test_same_sample_twice_has_the_same_dedupe_key(sample))


def test_verification_that_asks_the_network_fails(sample: Sample) -> None:
    def verify(request: WebhookRequest, ctx: Context) -> Verified:
        ctx.http.get("https://api.acme.example/v1/verify")
        return Verified(dedupe_key="x")

    suite = webhooks(plugin=bad(verify_webhook=verify))
    fails(lambda: suite.test_every_sample_verifies(sample))


def test_parser_that_trips_over_a_body_fails() -> None:
    def handle(webhook: InboundWebhook) -> Iterable[Result]:
        event = webhook.json()
        return [Heard(event_id=event["id"], event_type=event["type"])]

    suite = webhooks(plugin=bad(handle_webhook=handle))
    with pytest.raises((TypeError, KeyError)):
        suite.test_broken_body_is_never_more_than_unreadable(b"[1]")


def test_parser_that_reads_money_into_anything_fails() -> None:
    def handle(webhook: InboundWebhook) -> Iterable[Result]:
        data = {"id": "p", "at": "2026-03-02T10:00:00Z"}
        fact = acme.payment(data | {"amount": "1", "currency": "EUR"})
        return [Heard(event_id="e", event_type="x", facts=(fact,))]

    suite = webhooks(plugin=bad(handle_webhook=handle))
    fails(suite.test_unknown_event_says_nothing_and_is_no_error)
    fails(lambda: suite.test_broken_body_is_never_more_than_unreadable(b""))
    fails(
        lambda: suite.test_sample_says_exactly_what_its_facts_file_says(
            TestWebhooks.all_samples()[0]
        )
    )


def test_missing_facts_file_is_told_with_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "new.http").write_bytes((SAMPLES / "webhooks/paid.http").read_bytes())
    suite = webhooks(samples=tmp_path)
    said = fails(
        lambda: suite.test_sample_says_exactly_what_its_facts_file_says(
            suite.all_samples()[0]
        )
    )

    assert "write new.facts.json" in said
    assert '"kind": "PaymentReceived"' in said


def test_suite_without_samples_or_actions_fails(tmp_path: Path) -> None:
    fails(webhooks(samples=tmp_path).all_samples)
    metafunc: Any = SimpleNamespace(fixturenames=["action"])
    fails(lambda: actions(actions=()).pytest_generate_tests(metafunc))


def test_cases_that_do_not_concern_a_provider_are_left_out() -> None:
    changes = {"tolerance": None, "rotating": None, "signs_body": False}
    plain: Any = type("Plain", (WebhookSuite,), changes)()

    assert plain.test_old_signature_is_refused is None
    assert plain.test_both_secrets_hold_while_they_rotate is None
    assert plain.test_one_byte_changed_is_refused is None
    assert plain.test_signature_without_a_time_holds_for_days is not None


def test_request_that_differs_from_its_sample_fails() -> None:
    def note(event: Event, ctx: Context) -> str:
        ctx.http.post(f"{acme.API}/v1/notes", json={"text": "something else"})
        return "n1"

    suite = actions(plugin=bad(on_payment_received=note))
    fails(lambda: suite.test_request_is_built_as_the_sample_says(suite.actions[0]))
    fails(lambda: suite.test_idempotency_key_is_sent_and_stays(suite.actions[0]))


def test_action_that_swallows_or_renames_errors_fails() -> None:
    def swallow(event: Event, ctx: Context) -> str:
        try:
            return acme.on_payment_received(event, ctx)
        except Exception:
            return "n1"

    def rename(event: Event, ctx: Context) -> str:
        try:
            return acme.on_payment_received(event, ctx)
        except Exception as error:
            raise RejectedError("It did not work.") from error

    for hook in (swallow, rename):
        suite = actions(plugin=bad(on_payment_received=hook))
        for failure in ("429", "401", "500", "timeout", "junk"):
            fails(
                lambda suite=suite, failure=failure: (  # type: ignore[misc]
                    suite.test_failure_means_the_right_error(suite.actions[0], failure)
                )
            )


@pytest.mark.parametrize("way", ["error", "log", "logging"])
def test_action_that_shows_a_secret_fails(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    import logging

    def leak(event: Event, ctx: Context) -> str:
        key = ctx.settings["api_key"]
        ctx.http.post(f"{acme.API}/v1/notes", json={}, token=key)
        if way == "log":
            ctx.log.info("posting", key=key)
        elif way == "logging":
            logging.getLogger("acme").debug("posting with %s", key)
        else:
            raise RejectedError(f"Acme refused {key}.")
        return "n1"

    suite = actions(plugin=bad(on_payment_received=leak))
    said = fails(
        lambda: suite.test_no_secret_shows_however_it_ends(
            suite.actions[0], "success", caplog
        )
    )

    assert SETTINGS["api_key"] not in said


def test_action_that_goes_past_the_client_fails() -> None:
    import requests

    def note(event: Event, ctx: Context) -> str:
        requests.post(f"{acme.API}/v1/notes", json={"text": "12.00 EUR"}, timeout=5)
        return "n1"

    suite = actions(plugin=bad(on_payment_received=note))
    with pytest.raises(requests_mock.NoMockAddress):
        suite.test_base_url_takes_every_call(suite.actions[0])


def test_provider_that_hides_what_it_is_fails() -> None:
    class Open(SettingsSchema):
        client_secret = text("")
        api_base_url = text("Address")

    def describe() -> Provider:
        return Provider(
            name="Acme Inc",
            title=" ",
            category="payment",
            summary="",
            settings=Open,
            hosts=("https://api.acme.example/",),
            max_age={"weather.changed": timedelta(1)},
            required=(("no_such",),),
        )

    changes = {"plugin": bad(describe_provider=describe), "settings": {}}
    suite: Any = type("Changed", (TestProvider,), changes)()
    for case in (
        suite.test_provider_is_described_in_full,
        suite.test_hosts_are_exact_names,
        suite.test_settings_are_a_schema_with_titles,
        suite.test_settings_leave_the_common_names_to_the_hub,
        suite.test_secrets_are_marked,
        suite.test_required_settings_are_declared_and_given,
        suite.test_ages_are_for_events_that_it_hears,
        suite.test_readme_names_every_setting,
    ):
        fails(case)


def test_provider_without_words_in_the_readme_fails(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Acme\n")
    suite: Any = type("Changed", (TestProvider,), {"readme": tmp_path / "README.md"})()

    assert "payment.received" in fails(suite.test_readme_names_every_event_it_acts_on)
    assert "api_key" in fails(suite.test_readme_names_every_setting)


def test_sync_that_fetches_all_pages_first_fails() -> None:
    def sync(ctx: Context, cursor: str | None) -> Iterator[Page]:
        return iter(list(acme.sync(ctx, cursor)))

    suite: Any = type("Changed", (TestSync,), {"plugin": bad(sync=sync)})()
    fails(suite.test_page_is_handed_over_before_the_next_is_fetched)


def test_sync_that_forgets_where_it_was_fails() -> None:
    def sync(ctx: Context, cursor: str | None) -> Iterator[Page]:
        return acme.sync(ctx, None)

    suite: Any = type("Changed", (TestSync,), {"plugin": bad(sync=sync)})()
    fails(suite.test_sync_goes_on_from_a_pages_cursor)


def test_simulator_that_signs_wrongly_fails() -> None:
    from tests.sdk.acme.simulator import Acme

    class Forger(Acme):
        def sign(self, webhook: Any) -> Any:
            return {**super().sign(webhook), "Acme-Signature": "forged"}

    plugin = SimpleNamespace(**vars(acme))
    plugin.play_acme = hookimpl(specname="simulator")(lambda: Forger)
    suite: Any = type("Changed", (TestSimulator,), {"plugin": plugin})()
    with pytest.raises(Exception, match="signature"):
        suite.test_webhooks_verify_and_are_understood()


# The kit itself


def test_context_is_made_of_memory() -> None:
    ctx = make_context(acme, SETTINGS)
    ctx.state.set("a", {"b": 1})
    ctx.state.set("token", "a-token-to-hide", secret=True)
    ctx.state.set("gone", 1)
    ctx.state.delete("gone")
    ctx.refs.save("invoice:inv_1", "invoice", "X1", "https://x.example/")
    ctx.log.info("done", id=1)
    ctx.log.debug("seen")
    ctx.log.warning("odd")

    state: Any = ctx.state
    assert {"a": {"b": 1}, "token": "a-token-to-hide"} == state.values
    assert {"token"} == state.secret
    assert ("X1", None) == (
        ctx.refs.find("invoice:inv_1", "invoice"),
        ctx.refs.find("invoice:inv_2", "invoice"),
    )
    assert isinstance(ctx.log, MemoryLog)
    assert ("info", "done", {"id": 1}) == ctx.log.entries[0]
    assert ("main", None) == (ctx.settings["account"], ctx.state.get("gone"))


def test_ledger_of_a_context_is_filled_by_the_test() -> None:
    ctx = make_context(acme, SETTINGS)
    company = Company(
        id="com_1", name="Acme Ltd", currency="EUR", country="", email="", phone=""
    )
    owed = Balance(company=company, open_amounts=(Money(700, "EUR"),), overdue=1)
    invoice = Invoice(
        id="inv_1",
        number="INV-1",
        company=company,
        issue_date=NOW.date(),
        due_date=NOW.date(),
        total=Money(700, "EUR"),
        open_amount=Money(700, "EUR"),
        lines=(),
    )
    assert isinstance(ctx.ledger, MemoryLedger)
    ctx.ledger.invoices.append(invoice)
    ctx.ledger.balances.append(owed)

    assert (invoice, None) == (ctx.ledger.invoice("inv-1"), ctx.ledger.invoice("I"))
    assert [owed] == list(ctx.ledger.companies("acme"))
    assert [[], []] == [list(ctx.ledger.companies(text)) for text in ("", "nobody")]


def test_hooks_are_known_by_the_name_they_stand_for() -> None:
    assert {"verify_webhook", "simulator", "sync"} <= set(hooks_of(acme))
    assert "play_acme" not in hooks_of(acme)


def test_no_network_means_none() -> None:
    import socket

    with no_network(), pytest.raises(AssertionError):
        socket.create_connection(("127.0.0.1", 9), 1)


def test_facts_are_written_and_read_as_files_hold_them() -> None:
    fact = acme.payment(
        {"id": "p", "at": "2026-03-02T10:00:00Z", "amount": "1.00", "currency": "EUR"}
    )

    assert (fact,) == facts_from_json(json.loads(json.dumps(facts_to_json([fact]))))


def test_sample_file_may_say_method_and_target(tmp_path: Path) -> None:
    path = tmp_path / "status.http"
    path.write_bytes(b"GET /status?a=1&b= HTTP/1.1\r\nX-One: 1\r\n\r\nbody\r\n\r\nmore")
    sample = samples.read(path)
    request = sample.request("https://hub.example/webhooks/acme", NOW, b"key")

    assert ("GET", "status", {"a": "1", "b": ""}) == (
        request.method,
        request.path,
        request.query,
    )
    assert "https://hub.example/webhooks/acme/status?a=1&b=" == request.url
    assert (b"body\r\n\r\nmore", "1", b"key") == (
        request.body,
        request.headers["x-one"],
        request.key,
    )
    webhook = sample.webhook(NOW)
    assert ("status", request.query) == (webhook.path, webhook.query)


def test_sample_is_written_as_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "one.http"
    samples.write(path, {"A": "1", "B": "é"}, b"\r\n\x00raw")

    assert Sample(
        name="one", headers=(("A", "1"), ("B", "é")), body=b"\r\n\x00raw"
    ) == (samples.read(path))


@pytest.mark.parametrize("raw", [b"", b"A: 1", b"no header\n\nbody"])
def test_file_that_is_no_sample_is_a_value_error(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "odd.http"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match="odd"):
        samples.read(path)
