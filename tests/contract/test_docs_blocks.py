"""What the documents print can be pasted: each block is run or checked, or says why it is not."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rds_ssl.core.api import spec as declaration
from rds_ssl.core.checks import eligibility
from rds_ssl.core.model import API_GROUP, API_VERSION, KIND
from rds_ssl.grants import read_grants
from support.controlplane import ControlPlane
from support.documents import DOCUMENTS, Block, blocks, relative

Json = dict[str, Any]

OURS = (f"{API_GROUP}/{API_VERSION}", KIND)

OTHERS = {
    ("argoproj.io/v1alpha1", "Application"),
    ("cert-manager.io/v1", "Certificate"),
    ("external-secrets.io/v1", "ExternalSecret"),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
    ("kustomize.config.k8s.io/v1beta1", "Kustomization"),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
    ("monitoring.coreos.com/v1", "PodMonitor"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
    ("monitoring.coreos.com/v1", "ServiceMonitor"),
    ("source.toolkit.fluxcd.io/v1", "GitRepository"),
    ("trust.cert-manager.io/v1alpha1", "Bundle"),
}
"""Kinds of other projects, whose schemas are not here."""

BUILT_IN = {
    ("apps/v1", "Deployment"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
}
"""Kinds that the API server knows by itself."""

LEAST = {"instanceID": "pgm-bp1234567890abcde", "regionID": "cn-hangzhou"}
"""What a part of a spec is put into."""

_FIELDS = {each.alias or name for name, each in declaration.Declaration.model_fields.items()}


def checked() -> list[Block]:
    return [block for page in DOCUMENTS for block in blocks(page, "yaml") if block.reason is None]


def spec_of(document: Json) -> Json | None:
    """Give the spec of ours that a document declares, whole or in part; None: it is another's."""
    if (document.get("apiVersion"), document.get("kind")) == OURS:
        return dict(document["spec"])
    if "kind" not in document and set(document) == {"spec"} and set(document["spec"]) <= _FIELDS:
        return {**LEAST, **document["spec"]}
    if "kind" not in document and set(document) <= _FIELDS:
        return {**LEAST, **document}
    return None


@pytest.mark.parametrize("block", checked(), ids=lambda block: block.place)
def test_a_block_of_yaml_is_read_without_a_fault(block: Block, tmp_path: Path) -> None:
    for document in yaml.safe_load_all(block.text):
        if "grants" in document:
            (tmp_path / "grants.yaml").write_text(block.text)
            assert read_grants(tmp_path / "grants.yaml")
            continue
        spec = spec_of(document)
        if spec is None:
            kind = (document.get("apiVersion"), document.get("kind"))
            assert kind in OTHERS | BUILT_IN, "no kind that is known: say why it is not checked"
            continue
        read = declaration.parse_spec(spec)
        # Nothing in it is misspelt, and nothing is of another version.
        assert read.model_dump(by_alias=True, exclude_unset=True, mode="json") == spec
        assert eligibility.unusable(read) is None


def test_the_api_server_takes_every_object_of_the_documents(crd: ControlPlane) -> None:
    """With the rules in CEL, of which the test above knows the twin."""
    objects = []
    for block in checked():
        for document in yaml.safe_load_all(block.text):
            if (spec := spec_of(document)) is not None:
                metadata = {"name": f"printed-{len(objects)}"}
                version, kind = OURS
                made = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
                objects.append(made)
            elif (document.get("apiVersion"), document.get("kind")) in BUILT_IN:
                # Its namespace is not there.
                metadata = {**document["metadata"], "namespace": "default"}
                objects.append({**document, "metadata": metadata})

    dry_run = crd.kubectl(
        *("apply", "--dry-run=server", "--validate=strict", "-f", "-"),
        input=yaml.safe_dump_all(objects),
    )

    assert len(objects) >= 10
    assert dry_run.stdout.count("created (server dry run)") == len(objects)


@pytest.mark.parametrize("page", DOCUMENTS, ids=relative)
def test_what_is_not_run_or_not_checked_says_why(page: Path) -> None:
    text = page.read_text()

    told = [each for kind in ("sh", "yaml") for each in blocks(page, kind) if each.reason]

    assert all(each.reason and len(each.reason) > 8 for each in told)
    # A comment that is not right above its block would say nothing.
    comments = re.findall(r"^ *<!-- not (?:run|checked)\b.*\n *```", text, re.MULTILINE)
    assert len(comments) == len(re.findall(r"^ *<!-- not (?:run|checked)\b", text, re.MULTILINE))


def test_every_language_of_a_block_is_one_that_somebody_looks_after() -> None:
    """`text` is what programs print, and `python` an example that another test finds."""
    known = {"", "text", "sh", "yaml", "python", "promql", "json", "lua", "hcl"}

    found = {
        (relative(page), line.strip())
        for page in DOCUMENTS
        for line in page.read_text().splitlines()
        if line.strip().startswith("```") and line.strip().removeprefix("```") not in known
    }

    assert found == set()
