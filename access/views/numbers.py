"""Numbers in a query string or a form, which may be anything at all."""

LARGEST_SEQ = 10**18 - 1  # more than any journal will hold, less than a bigint


def whole(text: str | None, *, most: int, least: int = 1) -> int | None:
    """A whole number from `least` (0 or more) to `most`, written in ASCII digits; None for everything else."""
    # Length first: Python refuses to read very long numbers, and calls "²" a digit that it cannot read.
    if not text or len(text) > len(str(most)) or not (text.isascii() and text.isdigit()):
        return None
    number = int(text)
    return number if least <= number <= most else None
