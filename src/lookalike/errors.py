"""One exception tree; every message says what was wrong, where, and what to do.

LookalikeError
├── SourceError          a table or folder that cannot be understood
├── PhotoError           one photo that cannot be used; carries a reason code
├── ArtifactError        a stage's folder is missing, broken, or not what was asked for
├── EncoderError         an encoder that cannot be loaded or run
├── HeadError            a head that cannot be fitted or applied
│   └── NoLabels         classification asked of a head that learned no labels
├── CollectionError      the searchable database is missing, broken or busy
│   ├── Mismatch         it was built by another encoder or head, or has another width
│   └── ReadOnly         a write to a collection that was opened read-only
├── NotFound             an image or product id that is not in the collection
├── QueryError           a search parameter that makes no sense
├── SettingsError        a setting that makes no sense, or an address that is taken
├── TrainingError        training cannot start or go on
│   └── Stopped          it was stopped from outside; the same command goes on with it
└── AuditError           the audit cannot start as asked
"""


class LookalikeError(Exception):
    """Base of every error that Lookalike raises on purpose.

    Parameters
    ----------
    what : str
        What was wrong, in one sentence without a full stop. Never holds a path: the API shows it to strangers.
    where : str
        The file, column, line or id concerned; may hold a path.
    mend : str
        What the user can do about it.
    """

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        super().__init__(what, where, mend)
        self.what = what
        self.where = where
        self.mend = mend

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}. {self.mend}" if self.mend else text


class SourceError(LookalikeError):
    """A source table or folder that cannot be understood."""


class PhotoError(LookalikeError):
    """A photo that cannot be used; `reason` is the code that goes into the rejects."""

    def __init__(self, reason: str, what: str, *, where: str = "", mend: str = "") -> None:
        super().__init__(what, where=where, mend=mend)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_photo_error, (self.reason, self.what, self.where, self.mend)


def _rebuild_photo_error(reason: str, what: str, where: str, mend: str) -> PhotoError:
    return PhotoError(reason, what, where=where, mend=mend)


class ArtifactError(LookalikeError):
    """A stage's folder is missing, broken, or not what was asked for."""


class EncoderError(LookalikeError):
    """An encoder that cannot be loaded or run."""


class HeadError(LookalikeError):
    """A head that cannot be fitted or applied."""


class NoLabels(HeadError):
    """Classification was asked of a head that learned fewer than two labels."""


class CollectionError(LookalikeError):
    """The searchable database is missing, broken or busy."""


class Mismatch(CollectionError):
    """The collection was built by another encoder or head, or its vectors have another width."""


class ReadOnly(CollectionError):
    """A write to a collection that was opened read-only."""


class NotFound(LookalikeError):
    """An image or product id that is not in the collection."""


class QueryError(LookalikeError):
    """A search parameter that makes no sense."""


class SettingsError(LookalikeError):
    """A setting that makes no sense, or an address that cannot be listened on."""


class TrainingError(LookalikeError):
    """Training cannot start or go on."""


class Stopped(TrainingError):
    """Training was stopped from outside; the same command goes on with it."""


class AuditError(LookalikeError):
    """The audit cannot start as asked: an option makes no sense, or a library is not installed."""
