"""Two sets of manifests, object by object, as people read them."""

from __future__ import annotations

from typing import Any

from agents.argocd.differing import bounded, changes


def obj(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **more}


def test_what_is_new_other_and_gone_has_a_heading_each():
    before = [obj("ConfigMap", "a", data={"x": "1"}), obj("ConfigMap", "b"), obj("Service", "c")]
    after = [obj("ConfigMap", "a", data={"x": "2"}), obj("Service", "c"), obj("Service", "d")]
    lines = changes(before, after, prunes=True)
    headings = [line for line in lines if not line.startswith(" ")]
    assert headings == ["~ ConfigMap a", "- ConfigMap b: deleted", "+ Service d"]
    assert "    -  x: '1'" in lines
    assert changes(before, before, prunes=True) == []


def test_a_large_config_map_is_compared_only_where_it_has_changed():
    def large(first: str, number: int) -> dict[str, Any]:
        return obj("ConfigMap", "a", data={first: "x"} | {f"b{n}": str(n) for n in range(number)})

    lines = changes([large("a", 10_000)], [large("aa", 10_000)], prunes=False)
    assert [line for line in lines if line.startswith(("    -", "    +"))] == [
        "    -  a: x",
        "    +  aa: x",
    ]
    other = large("a", 10_000)
    other["data"] = {f"c{name}": value for name, value in other["data"].items()}
    head, said = changes([large("a", 10_000)], [other], prunes=False)
    assert head == "~ ConfigMap a"
    assert "changed, too large to show: 10" in said


def test_what_nothing_prunes_is_said_to_stay():
    (line,) = changes([obj("ConfigMap", "b")], [], prunes=False)
    assert line == "- ConfigMap b: stays, because nothing prunes it"


def test_values_of_secrets_are_hidden_and_their_keys_are_not():
    secret = obj("Secret", "db", stringData={"password": "correct horse"}, data={"key": "aG9yc2U="})
    text = "\n".join(changes([], [secret], prunes=False))
    assert ("password: (hidden)" in text, "key: (hidden)" in text) == (True, True)
    assert "horse" not in text
    assert "aG9yc2U" not in text


def test_a_value_that_alone_has_changed_is_seen_to_change():
    before, after = (obj("Secret", "db", data={"key": value}) for value in ("YQ==", "Yg=="))
    assert changes([before], [after], prunes=False) == ["~ Secret db"]


def test_a_long_text_is_cut_at_a_line_and_says_how_much_is_left():
    assert bounded("short") == "short"
    assert bounded("one\ntwo\nthree", 9) == "one\ntwo\n… 6 more characters"


def test_objects_with_little_in_them_break_nothing():
    assert changes([{}, {"metadata": None}], [{"kind": "X", "metadata": []}], prunes=False)
