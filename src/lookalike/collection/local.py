"""A collection on one machine: SQLite holds the truth, FAISS searches an index that is made from it."""

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
from filelock import FileLock

from lookalike.collection import schema
from lookalike.collection.allowed import AllowedKeys
from lookalike.collection.checks import check_entries, check_queries
from lookalike.collection.live_index import LiveIndex
from lookalike.collection.locks import ReadWriteLock, lock_for_writing
from lookalike.collection.owners import Owners
from lookalike.collection.plan import Goals, IndexPlan
from lookalike.collection.protocol import CategoryCount, CollectionInfo
from lookalike.collection.search import Lookup, Request, named, nearest
from lookalike.collection.store import Store
from lookalike.collection.tuning import Progress, Tuning
from lookalike.errors import CollectionError, NotFound, ReadOnly
from lookalike.files import sync_folder
from lookalike.types import Entry, Filter, Float32Array, Image, Neighbours, Product

Answer = TypeVar("Answer")


class LocalCollection:
    """A `Collection` in a folder, or in memory.

    Made by `create`, `open` or `in_memory`; a context manager. The folder holds

    - `collection.sqlite`, the truth; while it is being changed, `-wal` and `-shm` files beside it;
    - `index.faiss`, `.rows`, `.json`, a cache that `checkpoint` and `close` write, made anew if lost, stale or damaged;
    - `collection.lock`, held by the one process that may write.

    Vectors are stored as float16; `vectors` and `search` use them widened to float32 and scaled back to length 1.
    Thread-safe. Readers in other processes see each committed change at their next call.
    """

    def __init__(self, store: Store, folder: Path | None = None, writer: FileLock | None = None) -> None:
        self._store = store
        self._folder = folder
        self._writer = writer
        self._read_only = folder is not None and writer is None
        self._closed = False
        self._lock = ReadWriteLock()
        self._allowed = AllowedKeys(store)
        self._owners = Owners(store.owners_from)
        try:
            self._live = LiveIndex(store, folder, mapped=self._read_only)
            if self._read_only:
                self._on_one_state(lambda: (None, store.state()))  # who only reads will search
        except BaseException:
            store.close()
            raise

    @classmethod
    def create(cls, folder: Path, info: CollectionInfo) -> Self:
        """Make an empty collection in a folder, which is made where it is missing.

        Raises
        ------
        CollectionError
            There already is a collection, or another process is making one.
        """
        folder.mkdir(parents=True, exist_ok=True)
        writer = lock_for_writing(folder)
        try:
            file = folder / schema.DATABASE_FILE
            if file.exists():
                mend = "Open it, or choose another folder"
                raise CollectionError("there already is a collection here", where=str(folder), mend=mend)
            store = Store(schema.connect_new(file, info))
            sync_folder(folder)
            return cls(store, folder, writer)
        except BaseException:
            writer.release()
            raise

    @classmethod
    def open(cls, folder: Path, *, read_only: bool | None = None) -> Self:
        """Open a collection.

        Parameters
        ----------
        folder : Path
        read_only : bool, optional
            True: never writes into the folder, and takes no lock. Default: read-only where the folder or the database
            may not be written.

        Raises
        ------
        CollectionError
            No collection there, a broken one, one of a newer schema, or (for writing) one that another process writes.
        """
        file = folder / schema.DATABASE_FILE
        if not file.is_file():
            raise CollectionError("there is no collection here", where=str(folder), mend="Build one first")
        if read_only is None:
            read_only = not (os.access(folder, os.W_OK) and os.access(file, os.W_OK))
        if read_only:
            return cls(Store(*schema.connect_reading(file)), folder)
        writer = lock_for_writing(folder)
        try:
            return cls(Store(schema.connect_writing(file)), folder, writer)
        except BaseException:
            writer.release()
            raise

    @classmethod
    def in_memory(cls, info: CollectionInfo) -> Self:
        """Make an empty collection that is gone when it is closed."""
        return cls(Store(schema.connect_in_memory(info)))

    @property
    def info(self) -> CollectionInfo:
        """What the collection is bound to."""
        return self._store.info

    @property
    def generation(self) -> int:
        """Rises by one with every committed put or delete that changes anything."""
        return self._store.generation()

    @property
    def read_only(self) -> bool:
        """Whether put and delete raise `ReadOnly`."""
        return self._read_only

    def put(self, entries: Sequence[Entry]) -> None:
        """Insert or replace photos; see `Collection.put`. Fastest some 1,000 at a time."""
        self._check_writable()
        halves = check_entries(entries, self.info.dim)
        if not entries:
            return
        with self._lock.writing():
            self._live.keep_up()
            change = self._store.put(entries, halves)
            self._live.apply(change, halves)

    def delete(self, image_ids: Sequence[str]) -> int:
        """Remove photos; see `Collection.delete`."""
        self._check_writable()
        with self._lock.writing():
            self._live.keep_up()
            change = self._store.delete(image_ids)
            self._live.apply(change, np.empty((0, self.info.dim), np.float16))
        return len(change.removed)

    def count(self, where: Filter | None = None) -> int:
        """Count the photos that pass the filter."""
        return self._store.count(where)

    def image_ids(self, where: Filter | None = None) -> list[str]:
        """Return the ids of the photos that pass the filter, in the order they were put."""
        return self._store.image_ids(where)

    def images(self, image_ids: Sequence[str]) -> list[Image | None]:
        """Look photos up, one answer per id, in the order asked for."""
        return self._store.images(image_ids)

    def products(self, product_ids: Sequence[str]) -> list[Product | None]:
        """Look products up, one answer per id, in the order asked for."""
        return self._store.products(product_ids)

    def images_of(self, product_id: str) -> list[Image]:
        """Return a product's photos in the order they were put."""
        return self._store.images_of(product_id)

    def vectors(self, image_ids: Sequence[str]) -> Float32Array:
        """Return stored embeddings, float32 of shape (n, dim); `NotFound` for an unknown id."""
        found = self._store.vectors_of(image_ids)
        missing = [image_id for image_id in image_ids if image_id not in found]
        if missing:
            raise NotFound("there is no such photo in the collection", where=missing[0], mend="Check the image id")
        return np.array([found[image_id] for image_id in image_ids], np.float32).reshape(-1, self.info.dim)

    def thumbnail(self, image_id: str) -> bytes | None:
        """Return the JPEG thumbnail that was stored with a photo, if any."""
        return self._store.thumbnail(image_id)

    def categories(self) -> list[CategoryCount]:
        """Count products and photos by full category path, sorted by path."""
        return self._store.categories()

    def knows(self, where: Filter) -> bool:
        """Whether what passes the filter was looked up before, in this state of the collection."""
        return where == Filter() or self._allowed.knows(where, self._live.state)

    def search(
        self, queries: Float32Array, k: int, *, where: Filter | None = None, by_product: bool = False
    ) -> list[Neighbours]:
        """Find the k photos most similar to each query; see `Collection.search`. Exact up to 50,000 photos (`plan`)."""
        check_queries(queries, k, self.info.dim)

        def answer() -> tuple[list[Neighbours], str]:
            self._live.searched = True
            allowed = None if where is None or where == Filter() else self._allowed.of(where, self._live.state)
            lookup = Lookup(self._owners.of, lambda: self._store.count_products(where))
            found = nearest(self._live.index, queries, Request(k, allowed, by_product), lookup)
            names, state = self._store.identify(sorted({key for best in found for key in best.keys.tolist()}))
            return named(found, names), state

        return self._on_one_state(answer, quick=where is None and len(queries) == 1)

    def checkpoint(self) -> None:
        """Bring everything into `collection.sqlite`, which may then be served read-only, and write the index cache.

        Raises
        ------
        CollectionError
            Another process reads the collection at this moment. Nothing is lost.
        ReadOnly
        """
        self._check_writable()
        if self._folder is None:
            return
        with self._lock.writing():
            self._live.follow()
            self._live.settle()
            self._live.write()
            if not self._store.fold():
                what, mend = "another process is reading the collection", "Stop it and try again"
                raise CollectionError(what, where=str(self._folder), mend=mend)

    def make_ready(self) -> None:
        """Make what a first search would otherwise wait for: the index, and which photo is of which product."""
        self._on_one_state(lambda: (self._owners.reach(self._live.index.keys()), self._store.state()))

    @property
    def plan(self) -> IndexPlan:
        """How the collection is searched now, or will be from the next search on."""
        return self._live.wanted() if self._live.left else self._live.index.plan

    def tune(self, goals: Goals, *, keep: bool = True, progress: Progress | None = None) -> Tuning:
        """Measure ways to search this collection on its own vectors, and, unless told otherwise, keep the best one.

        Searches wait meanwhile: seconds for some thousand photos, minutes for a million. Raises `ReadOnly` if it is to
        be kept and cannot.
        """
        if keep:
            self._check_writable()
        with self._lock.writing(), self._store.snapshot() if self._read_only else nullcontext():
            self._live.keep_up()
            return self._live.tune(goals, progress, keep=keep)

    def close(self) -> None:
        """Release files and locks, after a checkpoint as far as other readers let it; safe to call twice."""
        with self._lock.writing():
            if self._closed:
                return
            self._closed = True
            try:
                if self._folder is not None and self._writer is not None:
                    if self._live.state is None:
                        self._live.follow()
                    if self._live.is_fresh():
                        self._live.settle()
                    self._live.write()
                    self._store.fold()
            finally:
                self._store.close()
                if self._writer is not None:
                    self._writer.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_writable(self) -> None:
        if self._read_only:
            raise ReadOnly("the collection is read-only", where=str(self._folder), mend="Open it for writing")

    def _on_one_state(self, operation: Callable[[], tuple[Answer, str]], *, quick: bool = True) -> Answer:
        """Run something that reads both database and index while they are of one and the same committed state.

        It also returns the state that it read last; none ever comes back, so if that is the index's, all was of it.
        Changes by this process wait. One by another makes the first attempt void; the second pins what it reads, and
        makes the index follow. What is `quick` is not worth a look at the state beforehand.
        """
        with self._lock.reading():
            if self._live.state is not None and (quick or self._live.is_fresh()):
                try:
                    answer, state = operation()
                    if state == self._live.state:
                        return answer
                except Exception:
                    if self._live.is_fresh():
                        raise
        with self._lock.writing(), self._store.snapshot():
            self._live.follow()
            return operation()[0]
