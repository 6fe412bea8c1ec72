"""Webhooks in the console."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from tests import builders
from tests.admin.conftest import ACT, DECIDE, browser_of, person
from tests.admin.pages import INDEX, forms_on, messages, submit, text
from tests.conftest import Browser
from tests.stubs.receiver import answer, receiving
from tests.tickets.webhooks.conftest import Hook, fed, verified
from tickets.models import WebhookDelivery, WebhookEndpoint
from tickets.webhooks import pump
from tickets.webhooks.messages import NAMES

pytestmark = pytest.mark.django_db

LIST = "/admin/tickets/webhookendpoint/"
ADD = "/admin/tickets/webhookendpoint/add/"


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = (ip_network("127.0.0.1/32"),)
    settings.AURA = settings.AURA.model_copy(update={"outbound_allow": networks})
    monkeypatch.setattr(pump.hands, "wake", lambda: None)


def page(endpoint: WebhookEndpoint) -> str:
    return f"{LIST}{endpoint.pk}/change/"


def do(browser: Browser, endpoint: WebhookEndpoint, verb: str, **filled: Any) -> str:
    """Use a form of the endpoint's page; what the person is told."""
    action = f"{LIST}{endpoint.pk}/do/{verb}/"
    return messages(browser, submit(browser, page(endpoint), action, **filled))


def added(browser: Browser, url: str, **filled: Any) -> tuple[WebhookEndpoint, str]:
    response = submit(browser, ADD, "", url=url, events=["ticket.failed"], **filled)
    endpoint = WebhookEndpoint.objects.get()
    assert response["Location"] == page(endpoint)
    told = messages(browser, response)
    assert "not shown again" in told
    return endpoint, told.rsplit(" ", 1)[1]


def test_a_webhook_is_added_tried_out_rotated_and_deleted(admin_browser: Browser) -> None:
    with receiving() as receiver:
        endpoint, secret = added(admin_browser, receiver.url(), description="Chat")
        assert endpoint.created_by == "grace"
        hook = Hook(receiver, endpoint, secret)
        assert "test message is on its way" in do(admin_browser, endpoint, "test")
        hook.pumped()
        assert hook.verified()[0]["type"] == "webhook.test"
        shown = text(admin_browser.get(page(endpoint)))
        assert "webhook.test" in shown
        assert "HTTP 200" in shown
        assert secret not in shown
        assert endpoint.secret not in shown

        new = do(admin_browser, endpoint, "rotate").split("again: ")[1].split(" ")[0]
        assert "signs too until" in text(admin_browser.get(page(endpoint)))
        do(admin_browser, endpoint, "test")
        hook.pumped()
        assert new != secret
        assert verified(receiver.got[1], new)["type"] == "webhook.test"

        submit(admin_browser, f"{LIST}{endpoint.pk}/delete/", "", post="yes")
        assert not WebhookEndpoint.objects.exists()


def test_a_failed_delivery_is_seen_and_sent_again(admin_browser: Browser) -> None:
    with receiving(answer(500, b"<b>broken</b>"), answer()) as receiver:
        endpoint, _ = added(admin_browser, receiver.url())
        builders.failed()
        hook = Hook(receiver, endpoint, "").pumped()
        shown = text(admin_browser.get(page(endpoint)))
        assert "HTTP 500" in shown
        assert "&lt;b&gt;broken&lt;/b&gt;" in shown
        assert "failing" in text(admin_browser.get(LIST))
        WebhookDelivery.objects.update(state="dead", ended_at="2026-01-01T00:00Z")
        assert "0 messages" in do(admin_browser, endpoint, "replay-failed", hours="1")
        (row,) = hook.rows()
        assert "same id" in do(admin_browser, endpoint, "replay", delivery=str(row.pk))
        hook.pumped()
        assert hook.ids[0] == hook.ids[1]
        assert hook.rows()[0].state == "delivered"


def test_a_disabled_webhook_is_told_of_on_the_first_page_and_enabled(
    admin_browser: Browser,
) -> None:
    with receiving(answer(410), answer()) as receiver:
        endpoint, _ = added(admin_browser, receiver.url())
        builders.failed()
        hook = Hook(receiver, endpoint, "").pumped()
        assert f'href="{page(endpoint)}"' in text(admin_browser.get(INDEX))
        builders.failed()
        assert "Enabled" in do(admin_browser, endpoint, "enable", catch_up="on")
        hook.pumped()
        assert len(receiver.got) == 2
        assert f'href="{page(endpoint)}"' not in text(admin_browser.get(INDEX))
        assert "Disabled" in do(admin_browser, endpoint, "disable")
        assert "by grace" in text(admin_browser.get(page(endpoint)))


def test_a_webhook_is_changed(admin_browser: Browser) -> None:
    with receiving() as receiver:
        endpoint, _ = added(admin_browser, receiver.url())
        form = forms_on(admin_browser, page(endpoint))[f"{LIST}{endpoint.pk}/do/edit/"]
        assert form["url"] == receiver.url()
        other = receiver.url("/other")
        told = do(admin_browser, endpoint, "edit", url=other, events=list(NAMES), description="x")
        assert "Saved" in told
        endpoint.refresh_from_db()
        assert (endpoint.url, endpoint.events) == (other, list(NAMES))


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("https://169.254.169.254/", "not a public address"),
        ("http://example.com/", "Only https"),
        ("javascript:alert(1)", "no plain http"),
    ],
)
def test_a_url_that_may_not_be_asked_is_refused_where_it_is_typed(
    admin_browser: Browser, url: str, complaint: str
) -> None:
    response = submit(admin_browser, ADD, "", url=url, events=["ticket.failed"])
    assert complaint in text(response)
    assert not WebhookEndpoint.objects.exists()


def test_only_who_may_manage_webhooks_sees_them(admin_browser: Browser) -> None:
    with receiving() as receiver:
        endpoint, _ = added(admin_browser, receiver.url())
        fed()
        for permissions in (ACT, DECIDE):
            browser = browser_of(person(f"p{len(permissions)}", *permissions))
            assert "webhookendpoint" not in text(browser.get(INDEX))
            for path in (LIST, ADD, page(endpoint)):
                assert browser.get(path).status_code == 403
            for verb in ("edit", "rotate", "disable", "enable", "test", "replay", "replay-failed"):
                assert browser.post(f"{LIST}{endpoint.pk}/do/{verb}/").status_code == 403
        looker = browser_of(person("looker", "tickets.view_webhookendpoint"))
        assert looker.get(page(endpoint)).status_code == 200
        assert forms_on(looker, page(endpoint)).keys() <= {"/admin/logout/"}
        assert looker.post(f"{LIST}{endpoint.pk}/do/rotate/").status_code == 403
        assert admin_browser.get(f"{LIST}{endpoint.pk}/do/rotate/")["Location"] == page(endpoint)
