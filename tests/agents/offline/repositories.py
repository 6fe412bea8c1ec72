"""Repositories in the four layouts, as path -> text; comments and odd blanks on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

DEMO = Path(__file__).parents[3] / "demo" / "gitops"


def demo() -> dict[str, str]:
    """The seed tree of the demo repository."""
    files = (p for p in DEMO.rglob("*") if p.is_file())
    return {str(p.relative_to(DEMO)): p.read_text() for p in files}


def deployment(name: str, *, image: str = "ghcr.io/acme/web:1.0.0", replicas: int = 2) -> str:
    """A Deployment that is written by hand: comments, quotes, lists at the margin."""
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}   # do not rename
  labels:
    app: {name}
    team: shop
spec:
  replicas: {replicas}  # two are enough at night
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
        team: shop
    spec:
      containers:
      - name: {name}
        image: "{image}"  # bumped by hand

        ports:
        - containerPort: 8080
        env:
        # how much is logged
        - name: LOG_LEVEL
          value: info
        - name: DB_PASSWORD
          valueFrom:
            secretKeyRef: {{name: {name}-db, key: password}}
        resources:
          requests: {{cpu: 100m, memory: 128Mi}}
          limits:
            memory: 256Mi
        readinessProbe:
          httpGet: {{path: /healthz, port: 8080}}
"""


def service(name: str) -> str:
    return f"""\
apiVersion: v1
kind: Service
metadata:
  name: {name}
  labels: {{app: {name}, team: shop}}
spec:
  selector:
    app: {name}
  ports:
  - port: 80
    targetPort: 8080
"""


def ingress(name: str) -> str:
    return f"""\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
spec:
  ingressClassName: internal
  rules:
  - host: {name}.example.org
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: {name}
            port:
              number: 80
"""


def kustomization(*resources: str, more: str = "") -> str:
    lines = "".join(f"- {resource}\n" for resource in resources)
    head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    return f"{head}resources:\n{lines}{more}"


PROD = """\
images:
- name: ghcr.io/acme/web
  newTag: "1.2.0"  # released by the release train
replicas:
- name: web
  count: 4
"""


def overlays() -> dict[str, str]:
    """apps/<app>/base + overlays; production overrides image and replicas of web, dev nothing."""
    return {
        "README.md": "# Shop\n",
        "apps/web/base/deployment.yaml": deployment("web"),
        "apps/web/base/service.yaml": service("web"),
        "apps/web/base/kustomization.yaml": kustomization("deployment.yaml", "service.yaml"),
        "apps/web/overlays/dev/kustomization.yaml": kustomization(
            "../../base", more="namespace: shop-dev\n"
        ),
        "apps/web/overlays/production/kustomization.yaml": kustomization(
            "../../base", more=f"namespace: shop\n{PROD}"
        ),
        "clusters/dev/kustomization.yaml": kustomization("../../apps/web/overlays/dev"),
        "clusters/production/kustomization.yaml": kustomization(
            "../../apps/web/overlays/production"
        ),
    }


def kustomized() -> dict[str, str]:
    """apps/<app>/ with kustomizations and a list of the applications above; file names as roles."""
    return {
        "apps/kustomization.yaml": "# what runs\n" + kustomization("api", "web"),
        "apps/web/deployment.yaml": deployment("web"),
        "apps/web/service.yaml": service("web"),
        "apps/web/kustomization.yaml": kustomization(
            "deployment.yaml", "service.yaml", more="namespace: shop\n"
        ),
        "apps/api/api-deployment.yaml": deployment("api", image="ghcr.io/acme/api:3"),
        "apps/api/kustomization.yaml": kustomization(
            "api-deployment.yaml", more="namespace: shop\n"
        ),
    }


def plain() -> dict[str, str]:
    """k8s/<app>/deployment.yaml without Kustomize."""
    return {
        "k8s/web/deployment.yaml": deployment("web"),
        "k8s/web/service.yaml": service("web"),
        "k8s/web/ingress.yaml": ingress("web"),
        "k8s/api/deployment.yaml": deployment("api"),
    }


def flat() -> dict[str, str]:
    """manifests/<app>.yaml, all objects of an application in one file."""
    return {
        "manifests/web.yaml": f"---\n{deployment('web')}---\n{service('web')}",
        "manifests/api.yaml": f"---\n{deployment('api')}",
    }


LAYOUTS = {"overlays": overlays, "kustomized": kustomized, "plain": plain, "flat": flat}


def objects(files: Mapping[str, str | None]) -> list[tuple[str, dict[str, Any]]]:
    """(path, object) of everything that is YAML."""
    found = []
    for path, text in sorted(files.items()):
        if text is not None and path.endswith((".yaml", ".yml")):
            # CSafeLoader is SafeLoader in C: safe, and ten times as fast.
            read = yaml.load_all(text, Loader=yaml.CSafeLoader)
            found += [(path, item) for item in read if item]
    return found


def find(files: Mapping[str, str | None], kind: str, name: str) -> dict[str, Any]:
    """The object of a kind and name."""
    return next(
        item
        for _, item in objects(files)
        if item["kind"] == kind and item.get("metadata", {}).get("name") == name
    )


def container(files: Mapping[str, str | None], name: str) -> dict[str, Any]:
    """The first container of a Deployment."""
    pod = find(files, "Deployment", name)["spec"]["template"]["spec"]
    first: dict[str, Any] = pod["containers"][0]
    return first
