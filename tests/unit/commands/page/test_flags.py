"""That a command which is copied from the page reaches the cluster that the page shows."""

from rds_ssl.commands.page.serving import flags_to
from rds_ssl.commands.types import Access


def test_a_cluster_that_was_named_is_named_again_and_nobody_is_acted_as() -> None:
    access = Access(
        kubeconfig="/home/ann/config",
        inherited="/home/ann/.kube/config",
        context="prod",
        as_user="ann",
    )

    assert flags_to(access) == ["--kubeconfig", "/home/ann/config", "--context", "prod"]


def test_what_a_shell_has_by_itself_is_not_repeated() -> None:
    assert flags_to(Access(inherited="/home/ann/.kube/config")) == []
