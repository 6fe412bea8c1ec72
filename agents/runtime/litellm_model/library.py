"""The litellm module, loaded at the first request; addresses; TLS."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

LOOPBACK = "localhost,127.0.0.1,::1"


def provider(model: str) -> str:
    return model.split("/", 1)[0] if "/" in model else "openai"


def address(url: str) -> str:
    """` at scheme://host:port`, without user, password and path; empty for no URL."""
    parts = urlsplit(url)
    return f" at {parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def tls() -> Any:
    """One TLS context a process: reading the certificates costs 30 ms."""
    import httpx  # noqa: PLC0415 - see Exchange.client

    return httpx.create_ssl_context()


_loading = threading.Lock()


def library() -> Any:
    """The litellm module, imported once, whoever comes first."""
    with _loading:
        return _import_litellm()


@cache
def _import_litellm() -> Any:
    # why: litellm is configured by the environment alone, at import. Without these it fetches
    # its price map and two more files from the network and loads a .env of the directory it is in.
    os.environ.update(  # noqa: TID251 - written for the library, nothing is read
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS="True",
        LITELLM_LOCAL_BLOG_POSTS="True",
        LITELLM_MODE="PRODUCTION",
    )
    keep_proxies_off_loopback()
    import litellm  # noqa: PLC0415 - the only place, and only when a model is asked

    litellm.suppress_debug_info = True  # else it prints to stdout at every error
    return litellm


def keep_proxies_off_loopback() -> None:
    """A model server on this machine (ollama, vLLM) is not behind the machine's proxy."""
    proxies = getproxies_environment()
    if proxies:
        bypass = ",".join(part for part in (proxies.get("no", ""), LOOPBACK) if part)
        os.environ["no_proxy"] = bypass  # noqa: TID251 - written for the library's transports


@cache
def model_facts(model: str) -> Mapping[str, Any]:
    """What litellm's list says of a model (prices, `max_input_tokens`); empty for a stranger."""
    try:
        return dict(library().get_model_info(model))
    except Exception:  # noqa: BLE001 - a model that is not listed raises a bare Exception
        return {}
