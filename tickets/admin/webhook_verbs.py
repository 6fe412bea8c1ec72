"""What can be done to a webhook in the console: a form and a verb of `endpoints` each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.http import Http404
from django.utils.timezone import now

from aura.kernel import outbound
from aura.kernel.errors import Problem
from governance.admin.base import ModelForm
from governance.types import Principal
from tickets.models import WebhookEndpoint
from tickets.webhooks import endpoints
from tickets.webhooks.messages import KINDS

MAX_HOURS = 24 * endpoints.KEEP.days
EDITABLE = ("url", "description", "events")


class EndpointFields(forms.Form):
    """Where to send, and what."""

    url = forms.CharField(
        label="URL",
        max_length=outbound.URL_CHARS,
        widget=forms.TextInput(attrs={"class": "wide"}),
        help_text="https; hosts inside the own network must be in AURA_OUTBOUND_ALLOW.",
    )
    description = forms.CharField(max_length=200, required=False)
    events = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        choices=[(kind.name, f"{kind.name}: {kind.what}") for kind in KINDS],
    )

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        try:
            outbound.parse(url)
        except Problem as problem:
            raise forms.ValidationError(problem.message) from None
        return url


class EndpointForm(EndpointFields, ModelForm):
    """A new endpoint."""

    class Meta:
        model = WebhookEndpoint
        fields = list(EDITABLE)


class NoForm(forms.Form):
    """Nothing to say."""


class EnableForm(forms.Form):
    catch_up = forms.BooleanField(
        label="also send what waited and what happened meanwhile", required=False
    )


class ReplayForm(forms.Form):
    delivery = forms.IntegerField(widget=forms.HiddenInput)


class ReplayFailedForm(forms.Form):
    hours = forms.IntegerField(
        label="Given up in the last hours", min_value=1, max_value=MAX_HOURS, initial=24
    )


Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """`carry_out` returns what to tell the person."""

    form: type[forms.Form]
    carry_out: Callable[[WebhookEndpoint, Data, Principal], str]


def _edit(endpoint: WebhookEndpoint, data: Data, actor: Principal) -> str:
    endpoints.update(endpoint, **{name: data[name] for name in EDITABLE}, actor=actor)
    return "Saved."


def _rotate(endpoint: WebhookEndpoint, data: Data, actor: Principal) -> str:
    del data
    secret = endpoints.rotate(endpoint, actor=actor)
    hours = endpoints.OVERLAP // timedelta(hours=1)
    return (
        f"Copy the new secret now, it is not shown again: {secret}"
        f" (the old one signs too for {hours} hours)"
    )


def _disable(endpoint: WebhookEndpoint, data: Data, actor: Principal) -> str:
    del data
    endpoints.disable(endpoint, actor=actor)
    return "Disabled: nothing more is sent."


def _enable(endpoint: WebhookEndpoint, data: Data, actor: Principal) -> str:
    endpoints.enable(endpoint, actor=actor, catch_up=data["catch_up"])
    return "Enabled."


def _try_out(endpoint: WebhookEndpoint, data: Data, actor: Principal) -> str:
    del data
    endpoints.try_out(endpoint, actor=actor)
    return "A test message is on its way; load the page again to see what became of it."


def _replay(endpoint: WebhookEndpoint, data: Data, actor: Principal) -> str:
    delivery = endpoint.deliveries.filter(pk=data["delivery"]).first()
    if delivery is None:
        raise Http404
    endpoints.replay(delivery, actor=actor)
    return "It is sent again, under the same id."


def _replay_failed(endpoint: WebhookEndpoint, data: Data, actor: Principal) -> str:
    since = now() - timedelta(hours=data["hours"])
    count = endpoints.replay_failed(endpoint, since=since, actor=actor)
    return f"{count} messages are sent again."


VERBS: Final = {
    "edit": Verb(form=EndpointFields, carry_out=_edit),
    "rotate": Verb(form=NoForm, carry_out=_rotate),
    "disable": Verb(form=NoForm, carry_out=_disable),
    "enable": Verb(form=EnableForm, carry_out=_enable),
    "test": Verb(form=NoForm, carry_out=_try_out),
    "replay": Verb(form=ReplayForm, carry_out=_replay),
    "replay-failed": Verb(form=ReplayFailedForm, carry_out=_replay_failed),
}
