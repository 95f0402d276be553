"""The one error that a user's mistake raises: a sentence, its place, and a hint."""

from collections.abc import Sequence


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
