"""What is held against what, where rights and requests are compared."""

from collections import Counter

from support.rights import Grant, compare, rules

TEAM = "team-a"
EVERYWHERE = Grant(namespace="", group="", resource="secrets", name="", verb="get")
ONE = Grant(namespace=TEAM, group="", resource="secrets", name="a", verb="get")
OTHER = Grant(namespace=TEAM, group="", resource="secrets", name="b", verb="list")


def test_a_request_without_a_rule_is_seen_and_so_is_its_refusal() -> None:
    table = compare([ONE], Counter({(ONE, 200): 2, (OTHER, 403): 1}))

    assert (table.used, table.unused) == ({ONE: 2}, ())
    assert (table.ungranted, table.refused) == ((OTHER,), (OTHER,))


def test_a_rule_without_a_request_is_seen() -> None:
    table = compare([EVERYWHERE, OTHER], Counter({(ONE, 200): 1}))

    assert (table.used, table.unused, table.ungranted) == ({EVERYWHERE: 1}, (OTHER,), ())


def test_a_rule_for_one_name_covers_no_request_for_all() -> None:
    every = Grant(namespace=TEAM, group="", resource="secrets", name="", verb="get")

    assert compare([ONE], Counter({(every, 200): 1})).ungranted == (every,)


def test_rules_are_those_of_the_roles_that_are_bound_to_the_account_where_they_are_bound() -> None:
    role = {
        "kind": "ClusterRole",
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
    }
    named = {
        "kind": "Role",
        "metadata": {"name": "one", "namespace": TEAM},
        "rules": [
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["b"], "verbs": ["list"]}
        ],
    }
    bindings = [
        {
            "kind": kind,
            "metadata": {"name": "x", **({"namespace": namespace} if namespace else {})},
            "roleRef": {"kind": of["kind"], "name": of["metadata"]["name"]},
            "subjects": [{"name": account}],
        }
        for kind, namespace, of, account in (
            ("ClusterRoleBinding", "", role, "operator"),
            ("RoleBinding", TEAM, named, "operator"),
            ("RoleBinding", "bank", role, "somebody-else"),
        )
    ]

    assert rules([role, named, *bindings], "operator") == [EVERYWHERE, OTHER]
