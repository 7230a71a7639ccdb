"""What can go wrong, and how it is said: in one line."""

from __future__ import annotations

from numbers import Integral

_LONGEST_SHOWN = 60  # characters


class InputError(ValueError):
    """A wrong argument or a wrong input file.

    The message is one line: it names the file and line, or the argument, says
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


class Notice(UserWarning):
    """Something that a user should know, and that stops nothing. The message is one line."""


def one_line(text: object) -> str:
    r"""Return `text` with everything unprintable escaped, as in ``\n``."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text)
    )


def shown(value: object) -> str:
    """Return `value` as a string short enough for an error message."""
    text = str(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def whole_number(value: object, argument: str) -> int:
    """Return `value` as an int; `InputError` naming the argument where it is not one."""
    if isinstance(value, bool) or not isinstance(value, Integral):  # NumPy's integers are
        raise InputError(f"{shown(value)!r} is not a whole number", argument)
    return int(value)
