"""The one error that a user's mistake raises: a sentence, its place, and a hint; and how the system's become one."""

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


class PipelineError(Exception):
    """A mistake that the user can mend. The command line prints it as two lines and exits with 2.

    message: what is wrong and where, one sentence (`recipe.yaml: sources[0].path: expected text, got 7`).
    hint: what to do about it, as something to type or change.
    """

    def __init__(self, message: str, hint: str, more: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.more = tuple(more)

    @classmethod
    def of(cls, mistakes: Sequence[tuple[str, str]]) -> "PipelineError":
        """Several mistakes, (message, hint) each, reported at once."""
        return cls(*mistakes[0], more=mistakes[1:])

    def __str__(self) -> str:
        """Two lines a mistake."""
        mistakes = [(self.message, self.hint), *self.more]
        return "\n".join(f"error: {message}\nhint: {hint}" for message, hint in mistakes)

    def __reduce__(self) -> tuple[type["PipelineError"], tuple[str, str, tuple[tuple[str, str], ...]]]:
        """Cross a process border whole (the default keeps only the arguments of Exception)."""
        return (PipelineError, (self.message, self.hint, self.more))


HINTS: Mapping[int | None, str] = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there, or ask for a larger quota",
    errno.EROFS: "mount it so that it can be written, or give another --out",
    errno.EACCES: "mend its permissions",
    errno.EPERM: "mend its permissions",
    errno.ENOENT: "put it there, or check the path",
    errno.ELOOP: "mend the link",
}
"""What to do about what the system says, before the same command is run again."""


STORAGE = frozenset({"aiobotocore", "aiohttp", "botocore"})
"""Libraries of object stores, whose errors are no OSErrors: no connection, no credentials, no such bucket."""


def refused(error: Exception) -> bool:
    """Whether the system or a store refused something: no bug of ours, and no fault of what a file holds."""
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in STORAGE


def trouble(error: Exception, place: str, what: str) -> PipelineError:
    """What was refused as a sentence, and what to do about it. place: a path. what: "cannot be read"."""
    number = error.errno if isinstance(error, OSError) else None
    said = os.strerror(number) if number else str(error)
    hint = HINTS.get(number, "mend the disk, the connection or the credentials")
    return PipelineError(f"{place}: {what}: {said}", f"{hint}, then run the same command: it goes on where it was")


@contextmanager
def naming(place: str, what: str) -> Iterator[None]:
    """What is `refused` inside becomes a PipelineError that names this place."""
    try:
        yield
    except Exception as error:
        if not refused(error):
            raise
        raise trouble(error, place, what) from error
