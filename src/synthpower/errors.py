"""What can go wrong, in one place."""

from __future__ import annotations


class InputError(ValueError):
    """A wrong option or a wrong input file.

    The message is one line: it names the file and line, or the option, says
    what is wrong and what would be right.

    Parameters
    ----------
    message : str
        What is wrong, and what would be right. Characters that would break
        the line are escaped.
    argument : str, optional
        The name of the argument that is to blame, where one is.
    """

    def __init__(self, message: str, argument: str | None = None) -> None:
        super().__init__(one_line(message))
        self.argument = argument


def one_line(text: object) -> str:
    r"""Return `text` with everything unprintable escaped, as in ``\n``."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text)
    )


class Notice(UserWarning):
    """Something that a user should know, and that stops nothing. The message is one line."""
