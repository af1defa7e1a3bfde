"""JSON in, held to what the database can store: an answer of 400 in words, whatever was sent."""

from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

# Of the interpreter's own message, which goes on to say how Python is set up.
TOO_MANY_DIGITS = "integer string conversion"


class StorableJson(JSONParser):
    """JSON without NUL and lone halves of surrogate pairs, which PostgreSQL's text cannot hold, and not nested without end."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error: nested too deeply") from None
        except ParseError as error:
            if TOO_MANY_DIGITS in str(error.detail):
                raise ParseError("JSON parse error: a number has too many digits") from None
            raise
        if not all(_storable(text) for text in _texts(data)):
            raise ParseError("A text holds a character that cannot be stored: NUL, or half of a surrogate pair")
        return data


def _storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _texts(data: Any) -> list[str]:
    """Every name and value. Without recursion: what the parser could read is not nested too deeply for a list."""
    found: list[str] = []
    waiting = [data]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            found.append(part)
        elif isinstance(part, dict):
            found += part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return found
