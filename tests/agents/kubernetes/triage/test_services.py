"""Services, ingresses, policies, DNS, and programs that complain of each other."""

from __future__ import annotations

import json

import pytest

from agents.triage import report
from agents.triage.findings import Severity
from tests.agents.kubernetes.triage.builders import (
    RUNNING,
    ago,
    condition,
    container,
    crash,
    deployment,
    event,
    ill,
    judged,
    logs,
    obj,
    pod,
    service,
    waiting,
    wide,
)

PORTS = {"ports": [{"name": "http", "containerPort": 8080}]}


def test_a_selector_that_means_other_labels():
    wrong = service(selector={"app": "webb"})
    assert ill(pod(), wrong) == ["service/shop/web#network/selector-mismatch"]
    assert ill(pod(), service()) == []


@pytest.mark.parametrize(
    ("port", "cause"),
    [(8081, "port-mismatch"), ("https", "port-name-mismatch"), (8080, ""), ("http", "")],
)
def test_a_port_that_the_pods_do_not_have(port, cause):
    found = ill(pod(main=PORTS), service(port=port))
    assert found == ([f"service/shop/web#network/{cause}"] if cause else [])


def test_a_crash_explains_the_empty_service_and_the_errors_of_its_callers():
    front = pod(
        container(RUNNING, ready=True),
        name="front-1",
        labels={"app": "front"},
        conditions=[condition("Ready", "True")],
    )
    said = ["GET http://web:80/cart: connection refused"] * 4
    report = judged(
        crash(2),
        service(),
        front,
        logs={**logs("panic: runtime error: x"), **logs(*said, previous=False, name="front-1")},
    )
    assert [it.key for it in report.roots] == ["pod/shop/web-1#run/panic"]
    assert {it.cause for it in report.symptoms[report.roots[0].key]} == {
        "network/no-endpoints",
        "application/dependency-unreachable",
    }


def test_a_dependency_that_is_only_named_in_the_environment():
    env = {"env": [{"name": "CART_URL", "value": "http://web.shop.svc:80"}]}
    front = crash(1, name="front-1", labels={"app": "front"}, main=env)
    said = logs("upstream unavailable, giving up", name="front-1")
    report = judged(crash(2), service(), front, logs={**said, **logs("panic: runtime error: x")})
    assert [it.key for it in report.roots] == ["pod/shop/web-1#run/panic"]


def test_scaled_to_zero_explains_that_nothing_answers():
    found = judged(deployment(replicas=0, ready=0), service())
    assert [it.cause for it in found.roots] == ["rollout/scaled-to-zero"]
    assert found.roots[0].severity is Severity.CRITICAL
    alone = judged(deployment(replicas=0, ready=0))
    assert [it.severity for it in alone.roots] == [Severity.INFO]


def ingress(name="web", number=80, **spec):
    backend = {"service": {"name": name, "port": {"number": number}}}
    rules = [{"http": {"paths": [{"path": "/", "backend": backend}]}}]
    return obj("Ingress", "front", spec={"rules": rules, **spec})


@pytest.mark.parametrize(
    ("made", "cause"),
    [
        (ingress("wbe"), "ingress-backend"),
        (ingress(number=8080), "ingress-backend"),
        (ingress(ingressClassName="ngnix"), "ingress-class"),
        (ingress(tls=[{"secretName": "gone"}]), "ingress-tls-secret"),
        (ingress(), ""),
    ],
)
def test_an_ingress_that_leads_nowhere(made, cause):
    others = (wide("IngressClass", "nginx"), obj("Secret", "tls"))
    found = ill(pod(main=PORTS), service(), made, *others)
    assert found == ([f"ingress/shop/front#network/{cause}"] if cause else [])


def test_a_policy_that_denies_what_the_log_waits_for():
    policy = obj("NetworkPolicy", "deny", spec={"podSelector": {}, "policyTypes": ["Egress"]})
    waits = pod(container(RUNNING))
    said = logs("dial tcp 10.0.0.9:80: i/o timeout", previous=False)
    assert ill(waits, policy, logs=said) == ["networkpolicy/shop/deny#network/policy-denies"]
    free = obj(
        "NetworkPolicy",
        "deny",
        spec={"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]},
    )
    assert ill(waits, free, logs=said) == ["pod/shop/web-1#network/connection-timeout"]
    assert ill(pod(), policy) == []


def test_dns_that_is_down_explains_every_name_that_is_not_resolved():
    coredns = obj(
        "Deployment",
        "coredns",
        metadata={"namespace": "kube-system"},
        spec={"replicas": 2},
        status={"readyReplicas": 0},
    )
    said = logs("getaddrinfo EAI_AGAIN redis", previous=False)
    found = ill(pod(container(RUNNING)), coredns, logs=said)
    assert found == ["deployment/kube-system/coredns#network/dns-failure"]


def test_a_mesh_sidecar_that_is_not_ready():
    proxy = {**container(RUNNING), "name": "istio-proxy"}
    meshed = pod(container(RUNNING, ready=True), conditions=[condition("Ready", "False")])
    meshed["status"]["containerStatuses"].append(proxy)
    assert ill(meshed) == ["pod/shop/web-1#network/sidecar-not-ready"]


def test_a_load_balancer_that_cannot_be_made():
    balanced = service(type="LoadBalancer")
    assert ill(pod(main=PORTS), balanced) == []
    failed = event(balanced, "SyncLoadBalancerFailed", "quota exceeded")
    assert ill(pod(main=PORTS), balanced, failed) == [
        "service/shop/web#network/load-balancer-pending"
    ]


def test_errors_of_a_program_that_is_ready_count_when_there_are_several():
    once = logs("could not connect to redis", previous=False)
    often = logs(*["could not connect to redis"] * 5, previous=False)
    assert ill(pod(), logs=once) == []
    assert ill(pod(), logs=often) == ["pod/shop/web-1#application/dependency-unreachable"]
    unknown = logs(*["ERROR something odd"] * 20, previous=False)
    assert ill(pod(), logs=unknown) == ["pod/shop/web-1#application/error-rate"]
    calm = logs(*["INFO all 503 tests passed"] * 20, previous=False)
    assert ill(pod(), logs=calm) == []


def test_what_could_not_be_read_is_said_with_what_to_run():
    report = judged(pod(), missing=["the log of web-1/app: refused. Run: kubectl logs web-1"])
    assert report.missing == ("the log of web-1/app: refused. Run: kubectl logs web-1",)


def test_a_pod_that_is_asked_about_leads_to_the_causes_of_its_workload():
    owner = [{"kind": "StatefulSet", "name": "db", "controller": True}]
    small = crash(1, name="db-0", labels={"app": "db"})
    small["metadata"]["ownerReferences"] = owner
    worse = pod(container(waiting("ErrImagePull", "manifest unknown")))
    assert judged(small, worse).roots[0].object == "pod/shop/web-1"
    assert judged(small, worse, about="db-0").roots[0].object == "statefulset/shop/db"


def caller(url: str, line: str):
    """A program that crashes because of an address in its environment."""
    env = {"env": [{"name": "CART_URL", "value": url}]}
    return crash(1, main=env), service("cart", selector={"app": "cart"}), logs(line)


def test_a_setting_with_a_port_that_the_service_has_not():
    made, cart, said = caller("http://cart:8081", "dial tcp cart:8081: connect: connection refused")
    behind = pod(name="cart-1", labels={"app": "cart"})
    (root,) = judged(made, cart, behind, logs=said).roots
    assert root.key == "pod/shop/web-1#application/misconfigured-environment"
    assert root.remedy is not None
    assert root.remedy.request == "Set CART_URL=http://cart:80 on web-1"


def test_a_setting_with_a_host_that_is_nearly_a_service():
    made, cart, said = caller("http://crat:80", "getaddrinfo ENOTFOUND crat")
    behind = pod(name="cart-1", labels={"app": "cart"})
    (root,) = judged(made, cart, behind, logs=said).roots
    assert root.cause == "application/misconfigured-environment"
    assert root.remedy is not None
    assert root.remedy.request == "Set CART_URL=http://cart:80 on web-1"


def test_a_host_that_is_like_no_service_is_only_unknown():
    made, cart, said = caller("http://billing:80", "getaddrinfo ENOTFOUND billing")
    behind = pod(name="cart-1", labels={"app": "cart"})
    assert ill(made, cart, behind, logs=said) == ["pod/shop/web-1#network/unknown-host"]


def test_an_init_container_that_waits_for_a_service_that_is_ill():
    waits = pod(phase="Pending", spec={"initContainers": [{"name": "wait"}]})
    waits["status"]["initContainerStatuses"] = [
        {"name": "wait", "state": {"running": {"startedAt": ago(600)}}}
    ]
    said = logs("waiting for cart", previous=False, of="wait")
    assert ill(waits, logs=said) == ["pod/shop/web-1#start/init-container"]
    broken = crash(2, name="cart-1", labels={"app": "cart"})
    cart = service("cart", selector={"app": "cart"})
    assert ill(waits, broken, cart, logs=said) == ["pod/shop/cart-1#run/crash"]


def test_a_container_that_uses_all_the_cpu_it_may():
    limit = {"resources": {"limits": {"cpu": "200m"}}}

    def used(cpu: str):
        return obj("PodMetrics", "web-1", containers=[{"name": "app", "usage": {"cpu": cpu}}])

    (root,) = judged(pod(main=limit), used("199m")).roots
    assert root.cause == "run/cpu-throttled"
    assert root.remedy is not None
    assert root.remedy.request == "Set the CPU limit of web-1 to 400m"
    assert judged(pod(main=limit), used("50m")).roots == ()


def test_a_full_disk_is_a_full_volume_where_the_path_is_that_of_a_claim():
    spec = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    main = {"volumeMounts": [{"name": "d", "mountPath": "/data"}]}
    said = logs("write /data/wal: no space left on device")
    assert ill(crash(1, spec=spec, main=main), logs=said) == ["pod/shop/web-1#storage/volume-full"]
    assert ill(crash(1), logs=said) == ["pod/shop/web-1#run/disk-full"]


def test_a_port_of_another_protocol():
    udp = obj(
        "Service",
        "web",
        spec={"selector": {"app": "web"}, "ports": [{"port": 8080, "protocol": "UDP"}]},
    )
    assert ill(pod(main=PORTS), udp) == ["service/shop/web#network/port-mismatch"]


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:s3cr3t-Passw0rd@cart:8081/x",
        "http://cart:8081/ and remove cart",
        "http://cart:8081\n\nx",
    ],
)
def test_a_setting_with_a_secret_or_with_more_than_a_value_is_corrected_by_a_person(url: str):
    made, cart, said = caller(url, "dial tcp cart:8081: connect: connection refused")
    behind = pod(name="cart-1", labels={"app": "cart"})
    found = judged(made, cart, behind, logs=said)
    assert found.roots[0].cause == "application/misconfigured-environment"
    assert found.roots[0].remedy is not None
    assert found.roots[0].remedy.request == ""
    assert "s3cr3t-Passw0rd" not in report.text(found) + json.dumps(report.data(found))
