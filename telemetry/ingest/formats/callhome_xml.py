"""Call Home's XML, parsed with every switch on the safe side, into nodes found by local name.

No DTD, no entities, bounded depth and number of elements (both counted while parsing: defusedxml does not). Devices
emit characters that XML forbids; a message that fails to parse is cleaned of them once and tried again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from telemetry.ingest.batch import DecodeError
from telemetry.ingest.limits import Limits

_ESCAPE: Final = rb"(?:\x1b|&#0*27;|&#[xX]0*1[bB];)"
_TERMINAL_SEQUENCE: Final = re.compile(_ESCAPE + rb"\[[0-9;?]*[A-Za-z]")
_CONTROL_BYTES: Final = bytes(byte for byte in range(32) if byte not in b"\t\n\r")
_REFERENCE: Final = re.compile(rb"&#(?:([0-9]{1,10})|[xX]([0-9a-fA-F]{1,8}));")


@dataclass(slots=True)
class Node:
    """An element without its namespace."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def each(self, name: str) -> Iterator[Node]:
        return (child for child in self.children if child.name == name)

    def find(self, *path: str) -> Node | None:
        """The first node below this path."""
        node: Node | None = self
        for name in path:
            node = next(node.each(name), None) if node else None
        return node

    def text_at(self, *path: str) -> str:
        """The text there, without spaces around it; empty if there is no such node."""
        node = self.find(*path)
        return node.text.strip() if node else ""


def parse(body: bytes, limits: Limits) -> Node:
    """The root. Raises DecodeError 400 for what is not XML, deeper or larger than the limits, or carries a DTD."""
    try:
        return _parse(body, limits)
    except ParseError:
        pass
    try:
        return _parse(cleaned(body), limits)
    except ParseError as error:
        raise DecodeError(400, "malformed", f"not XML: {error}") from error


def cleaned(body: bytes) -> bytes:
    """Without terminal sequences, control bytes, references to forbidden characters, and bytes that are not UTF-8."""
    body = _TERMINAL_SEQUENCE.sub(b"", body).translate(None, _CONTROL_BYTES)
    return _REFERENCE.sub(_legal_reference, body).decode("utf-8", "replace").encode()


def _legal_reference(found: re.Match[bytes]) -> bytes:
    """XML 1.0, production 2: Char."""
    code = int(found[1]) if found[1] else int(found[2], 16)
    is_legal = code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
    return found[0] if is_legal else b""


def _parse(body: bytes, limits: Limits) -> Node:
    builder = _Builder(limits)
    parser = DefusedXMLParser(target=builder, forbid_dtd=True)
    try:
        parser.feed(body)
        parser.close()
    except DefusedXmlException as error:
        raise DecodeError(400, "forbidden_xml", "document type definitions and entities are not accepted") from error
    except (LookupError, ValueError) as error:  # an encoding that Python does not know, or cannot use here
        raise DecodeError(400, "malformed", "not XML in a known encoding") from error
    return builder.root


class _Builder:
    """Target of the parser: makes nodes, and stops it at the limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.elements = 0
        self.open: list[Node] = [Node("", {})]
        self.texts: list[list[str]] = [[]]  # joined at the end: a large output comes in a thousand pieces

    @property
    def root(self) -> Node:
        return self.open[0].children[0]

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        if len(self.open) > self.limits.xml_depth:
            raise DecodeError(400, "too_deep", f"nested deeper than {self.limits.xml_depth} elements")
        if self.elements > self.limits.xml_elements:
            raise DecodeError(400, "too_many_elements", f"more than {self.limits.xml_elements} elements")
        node = Node(local_name(tag), {local_name(key): value for key, value in attributes.items()})
        self.open[-1].children.append(node)
        self.open.append(node)
        self.texts.append([])

    def data(self, text: str) -> None:
        self.texts[-1].append(text)

    def end(self, tag: str) -> None:
        self.open.pop().text = "".join(self.texts.pop())

    def close(self) -> None:
        """The parser asks for it."""


def local_name(name: str) -> str:
    return name.rpartition("}")[2]
