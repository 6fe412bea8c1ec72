"""The inventory: strict about what it knows, silent about passwords."""

from __future__ import annotations

import json
import re

import pytest

from governance.inventory import REGISTERED, InventoryRefused, configured, parse, remarks
from governance.types import Resource

SECRET = "hunter2"
FILE = {
    "_comment": "ignored",
    "db_servers": {
        "orders": {
            "name": "Orders",
            "connection_string": f"host=db1 port=5433 dbname=orders user=a password={SECRET}",
            "k8s_cluster": "prod",
            "k8s_namespace": "shop",
            "tags": ["production"],
            "sensitivity": ["pii"],
            "unknown": 1,
        },
        "wiki": {"name": "Wiki", "connection_string": f"postgresql://u:{SECRET}@db2/wiki"},
    },
    "k8s_clusters": {
        "prod": {"name": "Production", "context": "prod-ctx", "tags": ["production"]},
        "lab": {"name": "Lab", "context": "lab-ctx", "tags": ["development"]},
    },
    "vms": {"db1": {"name": "DB 1", "host": "10.0.0.1"}, "db2": {"address": "10.0.0.2"}},
}
INVENTORY = parse(json.dumps(FILE))


def test_what_it_lists_is_found():
    assert INVENTORY.db_servers["orders"].k8s_namespace == "shop"
    assert INVENTORY.k8s_clusters["lab"].context == "lab-ctx"
    assert [vm.address for vm in INVENTORY.vms.values()] == ["10.0.0.1", "10.0.0.2"]


def test_a_password_is_in_no_text_of_it():
    shown = [repr(INVENTORY), str(INVENTORY), INVENTORY.model_dump_json()]
    shown += [repr(INVENTORY.db_servers["orders"]), str(INVENTORY.db_servers["wiki"].place)]
    shown += [str(INVENTORY.model_dump())]
    assert not [text for text in shown if SECRET in text]
    assert INVENTORY.db_servers["wiki"].connection_string.get_secret_value().endswith("@db2/wiki")


def test_a_fault_beside_a_password_does_not_show_it():
    broken = {"db_servers": {"a": {"connection_string": [SECRET], "tags": SECRET}}}
    with pytest.raises(InventoryRefused) as refused:
        parse(json.dumps(broken))
    assert SECRET not in str(refused.value)
    assert "db_servers.a.connection_string" in str(refused.value)
    assert "db_servers.a.tags" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "line 1 column 2: not JSON"),
        ("[]", "the file: "),
        ('{"vms": {}, "vms": {}}', "'vms' is there twice"),
        ('{"db_servers": []}', "db_servers: "),
        ('{"db_servers": {"a": 1}}', "db_servers.a: "),
        ('{"k8s_clusters": {"a": {"context": 1}}}', "k8s_clusters.a.context: "),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_it_refuses_in_words(text, words):
    with pytest.raises(InventoryRefused, match=words):
        parse(text)


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("orders", "orders"),
        ("host=db1 port=5433 dbname=orders", "orders"),
        ("postgresql://somebody@db1:5433/orders", "orders"),
        ("postgresql://db2/wiki", "wiki"),
        ("host=db2 dbname=wiki port=5432", "wiki"),
        ("host=db1 dbname=orders", None),
        ("postgresql://db2/other", None),
        ("Orders", None),
        ("", None),
        ("host='", None),
        ("=", None),
    ],
)
def test_a_database_is_named_by_its_id_or_its_place(reference, found):
    assert INVENTORY.find_database(reference) == found


def test_a_registered_database_carries_its_tags_and_says_that_it_is_registered():
    resource = INVENTORY.database("orders")
    assert resource == Resource(
        type="database",
        name="orders",
        tags=frozenset({"production", REGISTERED}),
        namespace="shop",
        sensitivity=frozenset({"pii"}),
    )
    assert INVENTORY.database("unknown") is None


@pytest.mark.parametrize(
    ("namespace", "context", "tags"),
    [
        ("orders", "", {"production", REGISTERED}),
        ("shop", "", {"production", REGISTERED}),
        ("shop", "lab-ctx", {"development", REGISTERED}),
        ("other", "lab-ctx", {"development", REGISTERED}),
        ("other", "", None),  # two clusters, and nothing says which
        ("other", "nowhere", None),
    ],
)
def test_a_namespace_is_tagged_by_its_database_or_its_cluster(namespace, context, tags):
    resource = INVENTORY.kubernetes(namespace, context=context)
    assert (resource.tags if resource else None) == tags


def test_a_single_cluster_is_meant_when_none_is_named():
    only = parse('{"k8s_clusters": {"one": {"context": "c", "tags": ["t"]}}}')
    assert only.kubernetes("any").tags == {"t", REGISTERED}


@pytest.mark.parametrize("kind", ["database", "kubernetes", "host", "file"])
def test_claimed_tags_do_not_make_something_registered(kind):
    claimed = Resource(type=kind, name="stray", tags=frozenset({"development", REGISTERED}))
    assert INVENTORY.described(claimed).tags == {"development"}


def test_claimed_tags_do_not_replace_those_of_the_inventory():
    claimed = Resource(type="database", name="orders", tags=frozenset({"development"}))
    assert INVENTORY.described(claimed).tags == {"production", REGISTERED}


def test_the_file_is_read_again_when_it_changed(tmp_path):
    file = tmp_path / "infra.json"
    file.write_text('{"vms": {}}')
    assert configured(file).vms == {}
    file.write_text('{"vms": {"a": {"address": "x"}}}')
    assert list(configured(file).vms) == ["a"]
    assert configured(None).vms == {}


def test_a_file_that_cannot_be_used_is_named(tmp_path):
    file = tmp_path / "infra.json"
    with pytest.raises(InventoryRefused, match="cannot be read"):
        configured(file)
    file.write_text("{")
    with pytest.raises(InventoryRefused, match=str(file)):
        configured(file)


YAML = """
_comment: yes
db_servers:
  orders:
    name: Orders
    connection_string: host=db1 port=5433 dbname=orders
    aliases: [shop, "orders.example.com:6432", elsewhere]
    k8s_cluster: prod
    tags: [production]
    sensitivity:
k8s_clusters:
  prod: {name: 010, context: no}
"""


def test_it_may_be_yaml_whose_words_stay_words():
    inventory = parse(YAML)
    assert inventory.db_servers["orders"].tags == {"production"}
    cluster = inventory.k8s_clusters["prod"]
    assert (cluster.name, cluster.context) == ("010", "no")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("vms: {a: &x {address: b}, c: *x}", "anchors and aliases"),
        ("vms:\n  a: {}\n  a: {}", "'a' is there twice"),
        ("vms: [", "line 2 column 1: not YAML"),
        ("vms: {}\n---\nvms: {}", "a second document"),
        ("? [a]\n: b", "a key must be a word"),
        ("!!python/object:x {}", "the tag"),
        ("", "there is nothing in it"),
        ("a" * 3_000_000, "longer than"),
        ("db_server: {}", "db_server: did you mean db_servers?"),
        ("db_servers: {a: {conection_string: x}}", "db_servers.a.conection_string: did you mean"),
        ("db_servers: {a: {password: x}}", "did you mean password_env?"),
        ("vms: {a: {adress: x}}", "vms.a.adress: did you mean address?"),
        (
            "db_servers: {a: {k8s_cluster: prodd}}\nk8s_clusters: {prod: {}}",
            "db_servers.a.k8s_cluster 'prodd': did you mean prod?",
        ),
        ("db_servers: {a: {}, b: {aliases: [a]}}", "a is also a name of a"),
        ("db_servers: {a: {aliases: [x]}, b: {aliases: [x]}}", "x is also a name of a"),
    ],
)
def test_slips_of_the_pen_are_refused(text, words):
    with pytest.raises(InventoryRefused, match=re.escape(words)):
        parse(text)


def test_what_is_unknown_or_points_to_nothing_is_remarked(tmp_path):
    file = tmp_path / "infra.yaml"
    file.write_text("vms: {a: {host: x, _note: y}}\ndb_servers: {b: {vm_name: gone, flavour: z}}")
    assert remarks(file) == [
        f"{file}: db_servers.b.flavour is not known and is ignored",
        f"{file}: db_servers.b.vm_name names gone, which is not in the inventory",
    ]
    assert remarks(None) == []


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("shop", ["orders"]),
        ("host=orders.example.com port=6432", ["orders"]),
        ("postgresql://orders.example.com:6432/orders", ["orders"]),
        ("postgresql://orders.example.com:6432/other", []),
        ("host=orders.example.com", []),
        ("host=elsewhere port=5433", ["orders"]),
        ("host=db1 port=5433", ["orders"]),
        ("hostaddr=db1 port=5433 dbname=orders", ["orders"]),
    ],
)
def test_a_database_goes_by_its_aliases_too(reference, found):
    assert parse(YAML).databases_called(reference) == found


def test_a_place_that_several_have_means_none_unless_the_role_tells():
    both = parse(
        """
        db_servers:
          reader: {connection_string: host=db dbname=x user=reader}
          writer: {connection_string: host=db dbname=x user=writer}
        """
    )
    assert both.find_database("host=db dbname=x") is None
    assert both.databases_called("host=db dbname=x") == ["reader", "writer"]
    assert both.find_database("host=db dbname=x user=writer") == "writer"
    assert both.find_database("postgresql://nobody@db/x") is None


def test_a_sentence_names_databases_by_id_alias_or_name_as_whole_words():
    said = {"orders": {"name": "Orders DB", "aliases": ["shop-db"]}, "wiki": {"aliases": []}}
    inventory = parse(json.dumps({"db_servers": said}))
    for text, named in (
        ("is SHOP-DB slow?", ["orders"]),
        ("compare orders db with wiki", ["orders", "wiki"]),
        ("wikipedia, pre-orders, shop-db-2", []),
    ):
        assert inventory.databases_named(text) == named
