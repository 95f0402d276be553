"""The one error that a user's mistake raises: a sentence, its place, and a hint."""


class PipelineError(Exception):
    """A mistake that the user can mend. The command line prints it as two lines and exits with 2.

    message: what is wrong and where, one sentence (`recipe.yaml: stages.identify.min_score: expected a number, got 'high'`).
    hint: what to do about it, as something to type or change.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"error: {self.message}\nhint: {self.hint}"

    def __reduce__(self) -> tuple[type["PipelineError"], tuple[str, str]]:
        """Cross a process border with both sentences (the default keeps only the arguments of Exception)."""
        return (PipelineError, (self.message, self.hint))
