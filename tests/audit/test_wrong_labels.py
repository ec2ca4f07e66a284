"""Probabilities that a photo's own group has no part in."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from faulty_shop import WRONG, Audited

from lookalike import audit, pipeline
from lookalike import catalogue as catalogues
from lookalike.artifacts import open_artifact
from lookalike.audit import AuditConfig, stage
from lookalike.audit.captions import short_names
from lookalike.audit.config import Photos, gather
from lookalike.audit.wrong_labels import _related, find_wrong_labels, out_of_fold
from lookalike.embeddings import Embeddings, load_embeddings
from lookalike.splits import read_split


def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 40)
    features = (rng.normal(size=(120, 12)) + 3 * np.eye(3, 12)[labels]).astype(np.float16)
    return features, labels, np.arange(120) // 2


def test_out_of_fold_probabilities_sum_to_one_and_are_mostly_right() -> None:
    features, labels, groups = drawn()
    found = out_of_fold(features, labels, groups, 3, folds=5)
    assert found.sum(axis=1) == pytest.approx(np.ones(120), abs=1e-5)
    assert (found.argmax(axis=1) == labels).mean() > 0.9


def test_a_groups_labels_have_no_part_in_its_own_probabilities() -> None:
    features, labels, groups = drawn()
    before = out_of_fold(features, labels, groups, 3, folds=5)
    changed = labels.copy()
    changed[groups == 7] = (changed[groups == 7] + 1) % 3
    after = out_of_fold(features, changed, groups, 3, folds=5)
    assert (after[groups == 7] == before[groups == 7]).all()
    assert (after != before).any()


def test_a_label_that_the_other_folds_hardly_show_costs_the_others_nothing() -> None:
    """Five photos are enough for a label, but not without one of the five folds."""
    features, labels, groups = drawn()
    kept = np.r_[0:5, 40:120]
    found = out_of_fold(features[kept], labels[kept], groups[kept], 3, folds=5)
    assert found.sum(axis=1) == pytest.approx(np.ones(85), abs=1e-5)
    assert (found[5:].argmax(axis=1) == labels[kept][5:]).mean() > 0.9


def test_one_group_in_all_gives_even_probabilities() -> None:
    features, labels, _ = drawn()
    found = out_of_fold(features, labels, np.zeros(120, np.int64), 3, folds=5)
    assert found == pytest.approx(np.full((120, 3), 1 / 3))


def test_a_label_within_another_is_no_contradiction() -> None:
    assert _related("Home / Beds", "Home")
    assert _related("Home", "Home / Beds")
    assert not _related("Home / Beds", "Home / Bedside")
    assert not _related("Bed", "Beds")


def test_labels_are_named_by_as_many_parts_as_it_takes() -> None:
    assert short_names("Home / Beds", "Home / Sofas") == ("Home / Beds", "Home / Sofas")
    assert short_names("A / B / C / D", "A / X / C / D") == ("B / C / D", "X / C / D")
    assert short_names("Beds", "Sofas") == ("Beds", "Sofas")
    assert short_names("Women / Shoes", "Men / Shoes") == ("Women / Shoes", "Men / Shoes")


def test_only_features_that_no_label_has_tuned_are_looked_at(audited: Audited) -> None:
    """Tuned features that know the wrong labels by heart change nothing; of a network tuned whole this is said."""
    inputs = pipeline.Site(audited.site).inputs
    embedded = load_embeddings(inputs.embeddings)
    split, found = read_split(inputs.split), catalogues.read(inputs.catalogue)
    known = gather(found, split, embedded, embedded.features.shape[1])
    said = dict(zip(known.frame["image_id"], known.frame["category"], strict=True))
    number = {label: code for code, label in enumerate(sorted(set(said.values())))}
    learned = 30 * np.eye(len(number), dtype=np.float16)[[number[said[name]] for name in embedded.image_ids]]
    both = np.hstack([embedded.features, learned])
    tuned = Embeddings(embedded.image_ids, both.shape[1], (both,))

    def reported(generic_dim: int) -> set[str]:
        photos = gather(found, split, tuned, generic_dim)
        return set(find_wrong_labels(photos, AuditConfig())["image_id"])

    assert reported(embedded.features.shape[1]) >= set(WRONG)
    assert not reported(0) & set(WRONG)


@pytest.mark.parametrize(("generic_dim", "warned"), [(0, True), (640, False), (1280, False)])
def test_a_network_that_was_tuned_whole_is_warned_of(
    generic_dim: int, warned: bool, audited: Audited, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = pipeline.Site(audited.site).inputs
    artifact = open_artifact(inputs.embeddings, "embeddings")
    facts = {**artifact.about, "generic_dim": generic_dim}
    shutil.copytree(artifact.path, tmp_path / "embeddings")
    manifest = json.loads((artifact.path / "manifest.json").read_text(encoding="utf-8"))
    (tmp_path / "embeddings" / "manifest.json").write_text(json.dumps({**manifest, "about": facts}))
    widths: list[int] = []

    def find(photos: Photos, config: AuditConfig) -> pl.DataFrame:
        widths.append(photos.features.shape[1])
        return find_wrong_labels(photos, config)

    monkeypatch.setattr(stage, "find_wrong_labels", find)
    made = audit.run(replace(inputs, embeddings=tmp_path / "embeddings"), tmp_path / "audit", AuditConfig())
    assert widths == [generic_dim or 1280]
    assert ("WARNING: this site's encoder was trained whole" in "\n".join(audit.lines(made))) == warned
