"""What the road counts and measures, for `/metrics`."""

from functools import lru_cache

from prometheus_client import Counter, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

WEBHOOKS_ANSWERED = Counter(
    "hub_webhooks_answered_total",
    "Answers to inbound webhooks, by connection and HTTP status.",
    ["connection", "status"],
)
webhook_answered = lru_cache(maxsize=1024)(WEBHOOKS_ANSWERED.labels)
WEBHOOK_BATCH = Histogram(
    "hub_webhook_batch_rows",
    "Webhooks committed in one transaction.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
)
WEBHOOK_COMMIT = Histogram(
    "hub_webhook_commit_seconds",
    "Time of one group commit, waiting for the write lock included.",
    buckets=_SECONDS,
)
WEBHOOKS_PROCESSED = Counter(
    "hub_webhooks_processed_total",
    "Webhooks taken out of `received` or put back, by connection and what came of it.",
    ["connection", "outcome"],
)
KEYS_FETCHED = Counter(
    "hub_webhook_keys_fetched_total",
    "Fetches of a key or certificate a webhook was signed with, by result.",
    ["result"],
)
