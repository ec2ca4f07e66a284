"""What was planted is found, what is clean is not, and what the audit says can be acted on."""

import importlib.util
from pathlib import Path

import polars as pl
import pytest
from faulty_shop import COPIES, ODD, SMALL, WRONG, Audited, build, draw_faulty_shop
from PIL import Image as PillowImage

from lookalike import audit, pipeline
from lookalike.errors import AuditError


def test_every_planted_copy_is_found_and_nothing_else(audited: Audited) -> None:
    table = audited.table("near_duplicates")
    found = {frozenset(pair) for pair in table.select("image_id", "other_image_id").iter_rows()}
    assert found == {frozenset(pair) for pair in COPIES.items()}
    reasons = dict(zip(table["image_id"], table["reason"], strict=True)) | dict(
        zip(table["other_image_id"], table["reason"], strict=True)
    )
    assert [reasons[name] for name in COPIES] == ["same bytes", "near copy", "same picture"]
    crossing = table.filter("crosses_split").select("image_id", "other_image_id").rows()
    assert {name for pair in crossing for name in pair} == {"bytes-1", "red-01", "cut-1", "blue-04"}
    assert table["rank"].to_list() == [1, 2, 3]
    assert table["crosses_split"].to_list() == [True, True, False], "what crosses comes first"
    assert table["set"].n_unique() == 3


def test_planted_wrong_labels_come_first_with_the_label_that_was_drawn(audited: Audited) -> None:
    table = audited.table("wrong_labels")
    assert set(table.head(len(WRONG))["image_id"]) == set(WRONG)
    suggested = dict(table.select("image_id", "suggested_label").iter_rows())
    assert all(suggested[name] == name.split("-")[0] for name in WRONG)
    assert set(table["image_id"]) <= {*WRONG, *ODD}, "a clean photo was reported"
    assert table["score"].is_sorted(descending=True)
    assert table["score"].is_between(0, 1).all()


def test_photos_of_nothing_are_found_and_no_other(audited: Audited) -> None:
    assert dict(audited.table("not_products").select("image_id", "reason").iter_rows()) == ODD


def test_a_small_label_is_found(audited: Audited) -> None:
    (row,) = audited.table("small_labels").to_dicts()
    assert (row["label"], row["photos"], row["training_photos"], row["learned_as"]) == (SMALL, 2, 2, None)
    assert row["score"] == pytest.approx(1 - 2 / 5)


def test_each_kind_has_a_contact_sheet_and_each_photo_a_line(audited: Audited) -> None:
    for kind in ("near_duplicates", "wrong_labels", "not_products", "small_labels"):
        with PillowImage.open(audited.artifact.path / f"{kind}.jpg") as sheet:
            assert (sheet.format, sheet.width) == ("JPEG", 1280)
    listed = pl.read_csv(audited.artifact.path / "findings.csv")
    assert set(listed["kind"]) == {"near_duplicates", "wrong_labels", "not_products"}
    assert {*WRONG, *ODD} <= set(listed["image_id"])
    known = dict(listed.filter(pl.col("kind") == "wrong_labels").select("image_id", "label").iter_rows())
    assert all(known[name] == said for name, said in WRONG.items())


def test_the_summary_says_what_was_found_and_what_to_do(audited: Audited) -> None:
    told = "\n".join(audit.lines(audited.artifact, Path("site/audit")))
    assert "3 pairs in 3 sets, 2 across the split" in told
    assert "site/audit/near_duplicates.jpg" in told
    assert "1 blank, 1 text only, 1 thin, 1 tiny" in told
    assert "correct the category" in told
    assert "--ignore-labels" in told


def test_an_audit_is_made_once(audited: Audited) -> None:
    before = {path: path.stat().st_mtime_ns for path in audited.site.rglob("*") if path.is_file()}
    again = pipeline.audit_site(audited.site, audit.AuditConfig())
    assert again.hash == audited.artifact.hash
    assert before == {path: path.stat().st_mtime_ns for path in audited.site.rglob("*") if path.is_file()}


def test_a_build_warns_of_copies_across_the_split_and_names_the_audit(audited: Audited) -> None:
    assert "2 photos have a near-copy on another side of the split" in audited.logged
    assert f"lookalike audit {audited.site}" in audited.logged


def test_a_clean_shop_has_nothing_to_look_at(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = draw_faulty_shop(tmp_path / "shop")
    table = source / "photos.csv"
    head, *rows = table.read_text().splitlines()
    bad = {*WRONG, *COPIES, *ODD, "violet-0", "violet-1"}
    table.write_text("\n".join([head, *(row for row in rows if row.split(",")[0] not in bad)]) + "\n")
    build(source, tmp_path / "site")
    artifact = pipeline.audit_site(tmp_path / "site", audit.AuditConfig())
    assert audit.lines(artifact)[-1] == "Nothing to look at."
    assert not list(artifact.path.glob("*.jpg"))
    assert "near-copy" not in caplog.text


def test_without_the_extra_all_else_is_done_and_the_way_to_get_it_told(
    audited: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "cleanlab" else real(name))
    with pytest.raises(AuditError, match=r"needs cleanlab.*pip install 'lookalike\[analyse\]'"):
        pipeline.audit_site(audited.site, audit.AuditConfig(shown=7))
    artifact = pipeline.audit_site(audited.site)
    told = "\n".join(audit.lines(artifact))
    assert "pip install 'lookalike[analyse]'" in told
    assert "3 pairs" in told
    assert not (artifact.path / "wrong_labels.parquet").exists()


def test_photos_that_are_gone_are_counted_not_fatal(audited: Audited, tmp_path: Path) -> None:
    artifact = audit.run(pipeline.Site(audited.site).inputs, tmp_path / "audit", audit.AuditConfig(), photos=tmp_path)
    told = "\n".join(audit.lines(artifact))
    assert f"{artifact.counts['photos']} photos could not be read any more" in told
    assert set(pl.read_parquet(artifact.path / "near_duplicates.parquet")["reason"]) == {"same bytes"}


@pytest.mark.parametrize("wrong", [{"folds": 1}, {"cosine": 0.0}, {"likeness": 2.0}, {"shown": 0}])
def test_senseless_options_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(AuditError, match=next(iter(wrong))):
        audit.AuditConfig(**wrong)


def test_paths_of_which_a_fold_shows_too_little_are_audited(tmp_path: Path) -> None:
    """Without one fold, a label's photos may be too few: they must not turn up under a parent that is no label."""
    source = draw_faulty_shop(tmp_path / "shop")
    table = source / "photos.csv"
    head, *rows = table.read_text().splitlines()
    kept = [
        row for row in rows if row.startswith(("red", "green", "blue-00", "blue-01", "blue-04", "blue-06", "blue-08"))
    ]
    table.write_text("\n".join([head, *kept]).replace(",red,", ",All / Red,").replace(",blue,", ",All / Blue,") + "\n")
    build(source, tmp_path / "site")
    artifact = pipeline.audit_site(tmp_path / "site", audit.AuditConfig())
    assert {"red-03", "green-05"} >= set(pl.read_parquet(artifact.path / "wrong_labels.parquet")["image_id"])
