"""Claim, send, settle: the road of one delivery."""

from tests.core.deliveries.stage import Actor, Stage


def test_delivery_is_delivered_once(stage: Stage) -> None:
    slack = Actor("slack")
    stage.cast(slack)
    id = stage.deliver(stage.connect("slack"), "news")

    assert 1 == stage.run()
    assert 0 == stage.run()

    assert ["news"] == slack.heard
    assert "delivered" == stage.delivery(id).state
    assert ["delivered"] == [each.outcome for each in stage.attempts(id)]
