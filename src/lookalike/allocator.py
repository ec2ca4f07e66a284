"""Let the C library keep what is freed, for the next photo.

Decoded pixels are some hundred kilobytes, which glibc gives back to the kernel at once and takes again for the next
photo, page fault by page fault: a third of the time that decoding takes (docs/experiments.md). This is a choice for a
whole process, so programs make it, and modules do not.
"""

import ctypes
import os

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # <malloc.h>
_KEPT_BYTES = 16 << 20
_LARGEST_BYTES = 4 << 20  # what is larger is mapped by itself, and goes back to the kernel
_SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory() -> bool:
    """Keep up to 16 MB for each of malloc's arenas; False without glibc, or where the environment settles it."""
    if any(name in os.environ for name in _SETTINGS):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS; Windows
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_BYTES) and mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES))
