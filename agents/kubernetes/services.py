"""Services, the endpoints behind them, and the ingresses before them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from agents.kubernetes import listing
from agents.kubernetes.client import Cluster, Listed
from agents.kubernetes.kinds import ENDPOINTS, INGRESS, SERVICE, Object
from agents.kubernetes.reading import (
    age_of,
    at,
    name_of,
    namespace_of,
    number,
    part,
    parts,
    text,
)
from agents.kubernetes.targets import AnyNamespaceArguments, OptionalName
from agents.kubernetes.words import listed
from agents.runtime.tool import ToolResult

NO_ENDPOINTS = (
    "no ready endpoints: the service's selector may match no pod, or the pods it matches are not"
    " ready. Compare the selector (get_service) with the labels of the pods (get_pods)."
)


class ServiceArguments(AnyNamespaceArguments):
    service_name: OptionalName = Field(default="", description="Only this service")
    service_type: Literal["", "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] = Field(
        default="", description="Only services of this type"
    )


class EndpointsArguments(AnyNamespaceArguments):
    endpoint_name: OptionalName = Field(
        default="", description="Only this one; endpoints are named like their service"
    )


def get_service(arguments: ServiceArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{services: […], count, message?}`"""
    found = listing.one_or_all(cluster, SERVICE, namespace, arguments.service_name)
    if arguments.service_type:
        kept = [it for it in found.items if _type(it) == arguments.service_type]
        found = Listed(items=kept, more=found.more)
    return listing.answer(
        "services",
        found,
        service_row,
        columns={
            **({} if namespace else {"NAMESPACE": "namespace"}),
            "NAME": "name",
            "TYPE": "type",
            "CLUSTER-IP": "cluster_ip",
            "EXTERNAL-IP": lambda row: listed(row.get("external_ips", [])),
            "PORT(S)": lambda row: listed(map(_port_words, row["ports"])),
            "AGE": "age",
            "SELECTOR": lambda row: listed(f"{k}={v}" for k, v in row.get("selector", {}).items()),
        },
        empty="" if found.items else listing.nothing(cluster, SERVICE, namespace),
    )


def service_row(service: Object) -> listing.Row:
    row: listing.Row = {
        "name": name_of(service),
        "namespace": namespace_of(service),
        "type": _type(service),
        "cluster_ip": text(service, "spec", "clusterIP"),
        "ports": [_port(port) for port in parts(service, "spec", "ports")],
        "age": age_of(service),
    }
    if outside := external_addresses(service):
        row["external_ips"] = outside
    if selector := part(service, "spec", "selector"):
        row["selector"] = selector
    return row


def external_addresses(service: Object) -> list[str]:
    """Addresses by which a service or an ingress is reached from outside."""
    given = [str(ip) for ip in at(service, "spec", "externalIPs") or []]
    made = [
        text(it, "ip") or text(it, "hostname")
        for it in parts(service, "status", "loadBalancer", "ingress")
    ]
    named = text(service, "spec", "externalName")
    return [*given, *made, *([named] if named else [])]


def _type(service: Object) -> str:
    return text(service, "spec", "type") or "ClusterIP"


def _port(port: Object) -> dict[str, Any]:
    said: dict[str, Any] = {
        "protocol": text(port, "protocol") or "TCP",
        "port": number(port, "port"),
        "target_port": text(port, "targetPort") or str(number(port, "port")),
    }
    if name := text(port, "name"):
        said["name"] = name
    if node_port := number(port, "nodePort"):
        said["node_port"] = node_port
    return said


def _port_words(port: dict[str, Any]) -> str:
    node = f":{port['node_port']}" if "node_port" in port else ""
    return f"{port['port']}{node}/{port['protocol']}"


def get_endpoints(arguments: EndpointsArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{endpoints: […], count, message?}`; empty ones come with a hint."""
    found = listing.one_or_all(cluster, ENDPOINTS, namespace, arguments.endpoint_name)
    result = listing.answer(
        "endpoints",
        found,
        endpoints_row,
        columns={
            **({} if namespace else {"NAMESPACE": "namespace"}),
            "NAME": "name",
            "READY": lambda row: listed(_address_words(row, ready=True)),
            "NOT READY": lambda row: listed(_address_words(row, ready=False)),
            "PORTS": lambda row: listed(f"{p['port']}/{p['protocol']}" for p in row["ports"]),
            "AGE": "age",
        },
        empty="" if found.items else listing.nothing(cluster, ENDPOINTS, namespace),
        troubled=lambda it: not any(parts(group, "addresses") for group in parts(it, "subsets")),
    )
    deaf = [it["name"] for it in result.data["endpoints"] if not any(_ready(it))]
    if not deaf:
        return result
    hint = f"{listed(deaf)}: {NO_ENDPOINTS}"
    message = " ".join(filter(None, (result.data.get("message", ""), hint)))
    return ToolResult(content=f"{result.content}\n{hint}", data={**result.data, "message": message})


def endpoints_row(endpoints: Object) -> listing.Row:
    groups = parts(endpoints, "subsets")
    ports = {
        (number(p, "port"), text(p, "protocol") or "TCP", text(p, "name")): None
        for group in groups
        for p in parts(group, "ports")
    }
    return {
        "name": name_of(endpoints),
        "namespace": namespace_of(endpoints),
        "addresses": [
            _address(it, ready=key == "addresses")
            for group in groups
            for key in ("addresses", "notReadyAddresses")
            for it in parts(group, key)
        ],
        "ports": [
            {"port": port, "protocol": protocol, **({"name": name} if name else {})}
            for port, protocol, name in ports
        ],
        "age": age_of(endpoints),
    }


def _address(said: Object, *, ready: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"ip": text(said, "ip"), "ready": ready}
    if node := text(said, "nodeName"):
        row["node_name"] = node
    if text(said, "targetRef", "kind") == "Pod":
        row["pod_name"] = text(said, "targetRef", "name")
    return row


def _ready(row: listing.Row) -> list[bool]:
    return [address["ready"] for address in row["addresses"]]


def _address_words(row: listing.Row, *, ready: bool) -> list[str]:
    return [
        f"{it['ip']} ({it['pod_name']})" if "pod_name" in it else it["ip"]
        for it in row["addresses"]
        if it["ready"] is ready
    ]


def get_ingresses(arguments: AnyNamespaceArguments, cluster: Cluster, namespace: str) -> ToolResult:
    """`{ingresses: […], count, message?}`"""
    del arguments
    found = cluster.list(INGRESS, namespace)
    return listing.answer(
        "ingresses",
        found,
        ingress_row,
        columns={
            **({} if namespace else {"NAMESPACE": "namespace"}),
            "NAME": "name",
            "CLASS": "class",
            "RULES": lambda row: listed(
                f"{it['host']}{it['path']} -> {it['service']}:{it['port']}" for it in row["rules"]
            ),
            "ADDRESS": lambda row: listed(row["addresses"]),
            "TLS": lambda row: listed(row["tls"]),
            "AGE": "age",
        },
        empty="" if found.items else listing.nothing(cluster, INGRESS, namespace),
    )


def ingress_row(ingress: Object) -> listing.Row:
    rules = [
        {
            "host": text(rule, "host") or "*",
            "path": text(path, "path") or "/",
            "service": text(path, "backend", "service", "name"),
            "port": text(path, "backend", "service", "port", "number")
            or text(path, "backend", "service", "port", "name"),
        }
        for rule in parts(ingress, "spec", "rules")
        for path in parts(rule, "http", "paths")
    ]
    return {
        "name": name_of(ingress),
        "namespace": namespace_of(ingress),
        "class": text(ingress, "spec", "ingressClassName"),
        "rules": rules,
        "addresses": external_addresses(ingress),
        "tls": [text(it, "secretName") for it in parts(ingress, "spec", "tls")],
        "age": age_of(ingress),
    }
