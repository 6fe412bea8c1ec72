"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connection
from django.db.backends.base.creation import TEST_DATABASE_PREFIX
from django.test import Client
from hypothesis import settings
from rest_framework.test import APIClient

from agents.runtime import budget
from aura.kernel import bell, secrets
from governance import refusals
from governance.audit import checkpoints, contradiction, keys, witness
from governance.helpdesk.chain import verdicts
from governance.identity import credentials
from governance.policy import current
from governance.policy.loader import load
from tests import flushing
from tickets.webhooks import pump

# A busy machine is no outage: neither of Redis, nor of a server that a test asks over HTTP.
bell.PUBLISH_TIMEOUT_S = 30.0
httpx._config.DEFAULT_TIMEOUT_CONFIG.read = 60.0
httpx._config.DEFAULT_TIMEOUT_CONFIG.connect = 60.0
# Other work on the machine makes an example slow, which is no fault of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
LOG = ("governance_auditevent", "governance_auditlink", "governance_checkpoint")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("crash", "tests/crash: kills and outages")
    group.addoption("--crash-rounds", type=int, default=25, help="kills of a running product")
    group.addoption("--crash-seed", type=int, default=20261122, help="what is killed, and when")
    group.addoption("--crash-outage", type=float, default=8.0, help="seconds without Redis")
    group.addoption("--log-trials", type=int, default=3, help="tries of each attack on the log")
    group.addoption("--log-events", type=int, default=600, help="of honest use of the log")
    group.addoption("--approval-rounds", type=int, default=5, help="of each race on approvals")
    group.addoption("--machine-examples", type=int, default=8, help="cases an operation")
    group = parser.getgroup("cluster", "tests marked real_cluster")
    group.addoption("--real-cluster", metavar="CONTEXT", help="of KUBECONFIG, not the sandbox")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Transactional tests end with TRUNCATE, which the log refuses in production. A database is
    only removed when nobody has it open: idle threads of pools keep theirs until the process ends.
    """
    del django_db_setup
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table in LOG:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only_truncate")
    with pytest.MonkeyPatch.context() as patch:
        with django_db_blocker.unblock():
            flushing.use(patch)
        yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(END_OTHERS)


@pytest.fixture(autouse=True, scope="module")
def empty_log_behind(django_db_blocker: Any) -> Iterator[None]:
    """What threads of a test committed is not rolled back with it: the next file finds none."""
    yield
    if not connection.settings_dict["NAME"].startswith(TEST_DATABASE_PREFIX):
        return  # no test needed a database yet
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM governance_auditevent)")
        if cursor.fetchone()[0]:
            cursor.execute(f"TRUNCATE {', '.join(LOG)}, governance_auditpending")


@pytest.fixture(autouse=True, scope="session")
def no_search_for_static_files() -> None:
    """Each client of Django's would search all packages for them at its first request.

    `aura.asgi`, which serves them to browsers, has done so when it was imported.
    """
    django_settings.WHITENOISE_USE_FINDERS = False


class OnPort:
    """Mixed into a test client: requests arrive on the API's port, which picks the surface."""

    port = "3000"

    def request(self, **environ: Any) -> Any:
        return super().request(**{**environ, "SERVER_PORT": self.port})


class ApiClient(OnPort, APIClient):
    """DRF's client on the API's port."""


class Browser(OnPort, Client):
    """Django's client on the API's port, for the console."""


@pytest.fixture(autouse=True)
def no_refusals_before() -> Iterator[None]:
    """Refusals are counted by the minute and address, and bad tokens lock an address out: each
    test starts with none, and leaves no timer that would write into another one's database.
    """
    refusals._bounded = refusals.Bounded()
    credentials._limiter.storage.reset()
    yield
    if refusals._timer is not None:
        refusals._timer.cancel()
        refusals._timer = None


@pytest.fixture(autouse=True)
def unsigned_log() -> Iterator[None]:
    """Each test begins with an empty log, which must not look like one that was rolled back."""
    forget_signatures()
    keys.make_signing_key()
    yield
    forget_signatures()


@pytest.fixture(autouse=True)
def nothing_kept_from_before() -> Iterator[None]:
    """What a process keeps for seconds, or for ever, would be told of another test's rows."""
    cache.clear()
    pump._Known.until = 0.0
    budget.today._read_at = float("-inf")
    verdicts.forget()
    redacted = dict(secrets._remembered)
    yield
    if secrets._remembered != redacted:
        secrets._remembered.clear()
        secrets._remembered.update(redacted)
        secrets._redacted.cache_clear()


@pytest.fixture(autouse=True)
def policy_of_nobody_else(shipped_policy: str) -> Iterator[None]:
    """A process looks for another policy once a second: what a test activated is gone sooner."""
    yield
    loaded = current._loaded
    if loaded is not None and (loaded.policy.version, loaded.shadow) != (shipped_policy, None):
        current.forget()


@pytest.fixture(scope="session")
def shipped_policy() -> str:
    """The digest of the built-in policy."""
    return load(current.built_in_text(), current.BUILT_IN).digest()


def forget_signatures() -> None:
    for path in (
        django_settings.AURA.log_checkpoints,
        django_settings.AURA.data / "log-verified.json",
        django_settings.AURA.data / "log-contradicted.txt",
    ):
        path.unlink(missing_ok=True)
    checkpoints.signer._signed = None
    contradiction._looked = None
    witness._seen.clear()


@pytest.fixture
def api() -> ApiClient:
    """A client of the API; errors come back as answers."""
    return ApiClient(raise_request_exception=False, HTTP_HOST="localhost:3000")
