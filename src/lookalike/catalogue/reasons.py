"""Why a row or photo was left out: every reason code of the stage `ingest`, with what it means."""

from collections.abc import Mapping
from types import MappingProxyType

STAGE = "ingest"
PHOTO_FILES = "photos"
"""Stands in a reject's `table` for a file of the photo folder that no row names."""

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "malformed_row": "the row has more or fewer fields than the header, or is no JSON object",
        "empty_id": "the row has no id (or, where there is no id column, no photo path)",
        "duplicate_id": "an earlier row of the same table has this id; the earlier one counts",
        "no_product": "the photo's row does not say which product it belongs to",
        "unknown_product": "the photo's product is not in the product table, or was left out of it",
        "unknown_split": "the row's split is none of train, validation (val, valid, dev) and test",
        "outside_root": "the photo path is absolute or leads out of the photo folder",
        "missing": "there is no such photo file",
        "ambiguous_file": "several photo files could be meant; name one with its extension or folder",
        "bad_file_name": "the file's name is not UTF-8; rename it",
        "empty": "the photo file has no bytes",
        "unreadable": "the file is no JPEG, PNG, WebP or GIF photo, is damaged, no regular file, or may not be read",
        "truncated": "the photo ends before its last line",
        "too_large": "the photo has more pixels than the limit (decompression bombs included), or more than 200 MB",
        "duplicate_in_product": "an earlier photo of the same product has the very same bytes",
        "no_photo": "no usable photo belongs to the product",
        "no_row": "no row of the table names this photo file",
    }
)
