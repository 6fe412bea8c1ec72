"""Plain language to slots. Each case states everything that is read; nothing else may be."""

from __future__ import annotations

import time
from dataclasses import fields
from typing import Any

import pytest

from agents.offline.intent import Action, Intent, Slot, merged
from agents.offline.reading import amend, read
from agents.offline.values import Image

KNOWN = ("hello", "web", "checkout", "api-gateway")
PLACES = ("dev", "production")
DIGEST = "sha256:" + "a" * 64


def told(text: str) -> dict[str, Any]:
    """The fields of what is read that are not empty; faults as their slots."""
    intent = read(text, known=KNOWN, environments=PLACES)
    found = {f.name: getattr(intent, f.name) for f in fields(Intent)}
    found["faults"] = tuple(fault.slot for fault in intent.faults)
    empty = {f.name: f.default for f in fields(Intent)}
    return {key: value for key, value in found.items() if value != empty[key]}


def deploy(name: str | None = None, **more: Any) -> dict[str, Any]:
    return _wish(Action.DEPLOY, name, more)


def scale(name: str | None = None, **more: Any) -> dict[str, Any]:
    return _wish(Action.SCALE, name, more)


def update(name: str | None = None, **more: Any) -> dict[str, Any]:
    return _wish(Action.IMAGE, name, more)


def configure(name: str | None = None, **more: Any) -> dict[str, Any]:
    return _wish(Action.CONFIGURE, name, more)


def remove(name: str | None = None, **more: Any) -> dict[str, Any]:
    return _wish(Action.REMOVE, name, more)


def _wish(action: Action, name: str | None, more: dict[str, Any]) -> dict[str, Any]:
    if isinstance(more.get("image"), str):
        repository, _, tag = more["image"].rpartition(":")
        more["image"] = Image(repository, tag)
    return {"action": action} | ({"name": name} if name else {}) | more


NGINX = {"software": "nginx"}
DEPLOYS = {
    "Deploy nginx\nDeploy nginx 1.27 with 2 replicas on port 80 in namespace web.": deploy(
        "nginx", version="1.27", replicas=2, port=80, namespace="web", **NGINX
    ),
    "Deploy Redis cluster\nDeploy a 3-node Redis cluster...": deploy(
        "redis", software="redis", replicas=3
    ),
    "Install redis 7": deploy("redis", software="redis", version="7"),
    "Set up postgres 16-alpine with three replicas": deploy(
        "postgres", software="postgres", version="16-alpine", replicas=3
    ),
    "Please roll out ghcr.io/acme/shop:2.3.1": deploy("shop", image="ghcr.io/acme/shop:2.3.1"),
    "Deploy shop using ghcr.io/acme/shop:2.3.1 on port 8080 at shop.example.com": deploy(
        "shop", image="ghcr.io/acme/shop:2.3.1", port=8080, host="shop.example.com"
    ),
    "Deploy the landing page with image nginx:1.27": deploy("landing-page", image="nginx:1.27"),
    "Run three instances of memcached in the cache namespace": deploy(
        "memcached", software="memcached", replicas=3, namespace="cache"
    ),
    "Can you deploy Nginx 1.27?": deploy("nginx", version="1.27", **NGINX),
    "We need a redis 7.2 for the shop team": deploy("redis", software="redis", version="7.2"),
    "We want to deploy nginx:1.27": deploy("nginx", image="nginx:1.27"),
    "Deploy PostgreSQL 16.3 to staging": deploy(
        "postgresql", software="postgresql", version="16.3", environments=("staging",)
    ),
    "Deploy nginx called landing, version 1.27": deploy("landing", version="1.27", **NGINX),
    "New app\nname: shop\nimage: ghcr.io/acme/shop:1.0\nreplicas: 3\nport: 8080\nns: shop": deploy(
        "shop", image="ghcr.io/acme/shop:1.0", replicas=3, port=8080, namespace="shop"
    ),
    "deploy web-shop (ghcr.io/acme/web-shop:1.4.0) with 3 pods, 250m cpu and 256Mi memory": deploy(
        "web-shop",
        image="ghcr.io/acme/web-shop:1.4.0",
        replicas=3,
        resources=(
            ("requests.memory", "256Mi"),
            ("limits.memory", "256Mi"),
            ("requests.cpu", "250m"),
            ("limits.cpu", "250m"),
        ),
    ),
    f"Roll out ghcr.io/acme/api@{DIGEST}": deploy(
        "api", image=Image("ghcr.io/acme/api", None, DIGEST)
    ),
    "Set up httpd listening on 8080, host: www.example.org, namespace: site": deploy(
        "httpd", software="httpd", port=8080, host="www.example.org", namespace="site"
    ),
    "Deploy the latest nginx": deploy("nginx", newest=True, **NGINX),
    "Deploy the landing page with nginx 1.27": deploy("landing-page", hint=Image("nginx", "1.27")),
    "Start 2 instances of traefik/whoami:v1.10": deploy(
        "whoami", image="traefik/whoami:v1.10", replicas=2
    ),
    "Deploy nginx with `GREETING=hello world` and \"MODE=a b\"": deploy(
        "nginx", env=(("GREETING", "hello world"), ("MODE", "a b")), **NGINX
    ),
    "Deploy nginx 1.27 without ingress": deploy(
        "nginx", version="1.27", without=frozenset({Slot.HOST}), **NGINX
    ),
    "Deploy nginx ingress controller": deploy("nginx-ingress-controller"),
    "Deploy a cronjob that cleans up": deploy(
        unmet=("jobs and other workloads than Deployments",)
    ),
    "please deploy": deploy(),
}  # fmt: skip
SCALES = {
    "scale nginx from 2 to 5": scale("nginx", replicas=5, **NGINX),
    "scale down hello to 1": scale("hello", replicas=1),
    "Scale hello down to one": scale("hello", replicas=1),
    "scale web to zero": scale("web", replicas=0),
    "Increase the replicas of web from 2 to 5": scale("web", replicas=5),
    "Increase hello to 4 replicas": scale("hello", replicas=4),
    "increase web from 2 to 5": scale("web", replicas=5),
    "Set replicas=4 for hello": scale("hello", replicas=4),
    "set replicas of web to 3 in prod": scale("web", replicas=3, environments=("production",)),
    "The hello service should run with 4 replicas": scale("hello", replicas=4),
    "web needs more replicas: scale it to 4": scale("web", replicas=4),
    "Scale web\nCurrently web has 2 replicas. Scale it to 5.": scale("web", replicas=5),
    "scale hello in staging and production to 4": scale(
        "hello", replicas=4, environments=("staging", "production")
    ),
    "Add 2 more replicas to web": scale("web", by=2),
    "Scale web up by 2": scale("web", by=2),
    "Scale web down by one": scale("web", by=-1),
    "Do not delete hello, scale it to 3": scale("hello", replicas=3),
    "It is slow so scale api-gateway to 3": scale("api-gateway", replicas=3),
    "Scale web between 2 and 10 replicas": scale("web", unmet=("autoscaling",)),
    "scale web 2 → 5 replicas": scale("web", replicas=5),
}
UPDATES = {
    "Set the image of hello to traefik/whoami:does-not-exist": update(
        "hello", image="traefik/whoami:does-not-exist"
    ),
    "Set the image of hello to acme/never-mind:do-not-use, but do not touch web": update(
        "hello", image="acme/never-mind:do-not-use"
    ),
    "update nginx to 1.27": update("nginx", version="1.27", **NGINX),
    "upgrade image of web to ghcr.io/acme/web:2.3.1": update("web", image="ghcr.io/acme/web:2.3.1"),
    "Bump web to v1.2.3": update("web", version="v1.2.3"),
    "roll back image of web to 1.26": update("web", version="1.26"),
    "Roll back web": update("web"),
    "Downgrade hello from 1.27 to 1.26": update("hello", version="1.26"),
    "Update redis from 6 to 7": update("redis", software="redis", version="7"),
    "Update web image tag to build-123": update("web", version="build-123"),
    "Change the image of hello to nginx:1.27-alpine in production": update(
        "hello", image="nginx:1.27-alpine", environments=("production",)
    ),
    "Deploy version 2.3 of web": update("web", version="2.3"),
    "Please upgrade the hello deployment to version 2.0.1 and scale it to 3 replicas": update(
        "hello", version="2.0.1", replicas=3
    ),
}
CONFIGURES = {
    'Set FOO=bar and LOG_LEVEL="very debug" on hello': configure(
        "hello", env=(("FOO", "bar"), ("LOG_LEVEL", "very debug"))
    ),
    "set LOG_LEVEL to debug for web": configure("web", env=(("LOG_LEVEL", "debug"),)),
    "Configure hello:\n- LOG_LEVEL: debug\n- CACHE_SIZE: 12": configure(
        "hello", env=(("LOG_LEVEL", "debug"), ("CACHE_SIZE", "12"))
    ),
    'Set the environment variable GREETING to "hello world" for hello': configure(
        "hello", env=(("GREETING", "hello world"),)
    ),
    "Set log_level=debug in the configmap of hello": configure(
        "hello", env=(("log_level", "debug"),), in_configmap=True
    ),
    "Set A_LIST=a,b,B_LIST=c on web": configure("web", env=(("A_LIST", "a,b"), ("B_LIST", "c"))),
    "Please remove the env var DEBUG_MODE from hello": configure("hello", unset=("DEBUG_MODE",)),
    "Change the port of web to 9090": configure("web", port=9090),
    "Change port of web from 8080 to 9090": configure("web", port=9090),
    "Expose web at web.example.com": configure("web", host="web.example.com"),
    "Make hello reachable at https://hello.example.com/": configure(
        "hello", host="hello.example.com"
    ),
    "Create an ingress for web at shop.example.com": configure("web", host="shop.example.com"),
    "Give web 512 MiB of memory": configure(
        "web", resources=(("requests.memory", "512Mi"), ("limits.memory", "512Mi"))
    ),
    "Set the memory limit of web to 512Mi and cpu request to 250m": configure(
        "web", resources=(("limits.memory", "512Mi"), ("requests.cpu", "250m"))
    ),
}
REMOVES = {
    "Remove hello": remove("hello"),
    "Delete the hello application from the cluster": remove("hello"),
    "Uninstall web, it is no longer needed": remove("web"),
    "Get rid of checkout": remove("checkout"),
    "Delete nginx from production": remove("nginx", environments=("production",), **NGINX),
    "Decommission the api-gateway service": remove("api-gateway"),
}
NOT_UNDERSTOOD = {
    "why is checkout slow?": {},
    "After the last deploy web is slow": {"name": "web"},
    "When we scale web to 5 it crashes": {"name": "web", "replicas": 5},
    "How do I deploy nginx?": {},
    "Remove the ingress of web": {"name": "web"},
    "delete everything": {},
    "Do not deploy nginx": {},
    "Move web to namespace shop": {"name": "web", "namespace": "shop"},
    "Increase the timeout of web from 30 to 60": {"name": "web"},
    "Remove hello and deploy hello again": {"name": "hello"},
    "": {},
}
WRONG = {
    "Deploy nginx and redis": deploy("nginx", rivals=("redis",), **NGINX),
    "Remove hello and web": remove("hello", rivals=("web",)),
    "Deploy My_App with image nginx:1.27": deploy(image="nginx:1.27", faults=(Slot.NAME,)),
    "Deploy ../../../etc/passwd": deploy(faults=(Slot.NAME,)),
    "Deploy nginx $(reboot)": deploy(faults=(Slot.NAME,)),
    "Scale web to 300 replicas": scale("web", faults=(Slot.REPLICAS,)),
    "Scale web to -3": scale("web", faults=(Slot.REPLICAS,)),
    "Deploy nginx on port 99999": deploy("nginx", faults=(Slot.PORT,), **NGINX),
    "Deploy nginx on port 80 and port 443": deploy("nginx", faults=(Slot.PORT,), **NGINX),
    "Deploy nginx at Bad_Host!.com": deploy("nginx", faults=(Slot.HOST,), **NGINX),
    "Deploy nginx in namespace Foo_Bar": deploy("nginx", faults=(Slot.NAMESPACE,), **NGINX),
    "Set image of web to ghcr.io/Acme/Web:1": update("web", faults=(Slot.IMAGE,)),
    "Deploy nginx, 2 replicas\nUse 3 replicas.": deploy("nginx", faults=(Slot.REPLICAS,), **NGINX),
    "Deploy nginx with password=hunter2": deploy("nginx", faults=(Slot.SECRET,), **NGINX),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *DEPLOYS.items(),
        *SCALES.items(),
        *UPDATES.items(),
        *CONFIGURES.items(),
        *REMOVES.items(),
        *NOT_UNDERSTOOD.items(),
        *WRONG.items(),
    ],
)
def test_a_ticket_is_read_as(text: str, expected: dict[str, Any]) -> None:
    assert told(text) == expected


def test_addresses_are_no_images_and_paths_are_no_names() -> None:
    text = "Set CACHE_URL=redis:6379 on web, see https://docs.example.com/a and apps/web/x.yaml"
    assert told(text) == configure("web", env=(("CACHE_URL", "redis:6379"),))


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("use 3 replicas", Intent(replicas=3)),
        ("put it into namespace web", Intent(namespace="web")),
        ("on port 8080 instead", Intent(port=8080)),
        ("call it landing", Intent(name="landing")),
        ("use version 1.28 instead of 1.27", Intent(version="1.28")),
        ("not 3 replicas but 5 replicas", Intent(replicas=5)),
        ("looks good to me", Intent()),
        ("wait for monday", Intent()),
    ],
)
def test_feedback_adds_what_it_says_and_nothing_else(feedback: str, expected: Intent) -> None:
    base = read("Deploy nginx 1.27 with 2 replicas", known=KNOWN)
    said = amend(base, feedback, known=KNOWN)
    assert merged(base, said) == merged(base, expected)


def test_feedback_about_another_application_makes_it_a_rival() -> None:
    base = read("Deploy nginx 1.27", known=KNOWN)
    assert merged(base, amend(base, "deploy redis as well", known=KNOWN)).rivals == ("redis",)


@pytest.mark.parametrize(
    "text",
    [
        "scale " * 5000,
        "1." * 10_000,
        "at a." * 4000,
        "not " * 8000,
        "A=" * 9000,
        "in " + "x" * 50_000,
    ],
)
def test_long_texts_are_read_in_reasonable_time(text: str) -> None:
    began = time.process_time()
    read(f"Deploy nginx {text}")
    assert time.process_time() - began < 2
