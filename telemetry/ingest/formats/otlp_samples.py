"""Number data points as samples, by the rules of otlp_mapping."""

from __future__ import annotations

from typing import Final

from telemetry import vocabulary
from telemetry.ingest.batch import COUNTER, GAUGE, STATE, Kind, Labels, Sample
from telemetry.ingest.formats import otlp_mapping as mapping
from telemetry.ingest.formats.instances import BadPoint, counted, finite, instance, scaled
from telemetry.ingest.formats.mib_mapping import MIB_RULES, REFUSED_OBJECTS
from telemetry.ingest.formats.mib_samples import mib_sample
from telemetry.ingest.formats.otlp_identity import first
from telemetry.ingest.formats.otlp_mapping import OtlpRule, Read
from telemetry.ingest.formats.otlp_model import (
    NO_RECORDED_VALUE,
    UNSTORABLE,
    UNSTORABLE_TEXT,
    Attributes,
    Point,
    Stream,
)
from telemetry.ingest.limits import Limits

NANO: Final = 1_000_000_000


class PointReader:
    """Turns points into samples. `received_at`: seconds since 1970, the time of points that have none."""

    def __init__(self, received_at: float, limits: Limits) -> None:
        self.received_at = received_at
        self.label_chars = limits.label_chars
        self.labels = limits.labels

    def sample(self, stream: Stream, point: Point) -> Sample | None:
        """The sample, or None for a gap and for points that only complete a picture. Raises BadPoint."""
        attributes, value, t, start, flags = point
        if flags & NO_RECORDED_VALUE:
            return None
        if value is None:
            raise BadPoint("bad_value", "a point without a value")
        if type(value) is float:
            finite(value)
        t_s = t / NANO if t else self.received_at
        start_s = start / NANO if start else None
        for rule in mapping.RULES.get(stream.name, ()):
            if not rule.where or all(attributes.get(key) in values for key, values in rule.where.items()):
                return self._by_rule(rule, attributes, value, t_s, start_s)
        return self._other(stream, attributes, value, t_s, start_s)

    def _by_rule(
        self, rule: OtlpRule, attributes: Attributes, value: int | float, t: float, start: float | None
    ) -> Sample | None:
        if rule.read is Read.SKIP:
            return None
        metric = vocabulary.METRICS[rule.metric]
        part_class = metric.instance
        names = mapping.INSTANCE_BY.get(part_class, mapping.INSTANCE_BY_OTHERS)
        where = instance(part_class, first(attributes, names) or mapping.DEFAULT_INSTANCE.get(part_class, ""))
        labels = self._labels(rule, attributes) if rule.labels else ()
        if metric.kind == STATE:
            state = _state(rule, metric.states, attributes, value)
            return None if state is None else Sample(metric.name, where, labels, STATE, None, state, t)
        if rule.read is Read.REST_OF_ONE:
            value = 1 - value
        if rule.factor != 1:
            value = scaled(value, rule.factor)
        if metric.kind == COUNTER:
            return Sample(metric.name, where, labels, COUNTER, counted(value), None, t, start)
        return Sample(metric.name, where, labels, GAUGE, value, None, t)

    def _labels(self, rule: OtlpRule, attributes: Attributes) -> Labels:
        found = []
        for label in rule.labels:
            said = first(attributes, label.attributes)
            if said is None:
                continue
            if len(said) > self.label_chars:
                raise BadPoint("bad_value", f"a label has more than {self.label_chars} characters")
            found.append((label.name, label.words.get(said, said)))
        return tuple(found) if len(found) < 2 else tuple(sorted(found))

    def _other(
        self, stream: Stream, attributes: Attributes, value: int | float, t: float, start: float | None
    ) -> Sample | None:
        """A MIB object's name, as the Collector's SNMP receiver is often set up; else a name of the sender's own."""
        if stream.name in REFUSED_OBJECTS:
            raise BadPoint("unknown_metric", REFUSED_OBJECTS[stream.name])
        texts = {key: _text(said) for key, said in attributes.items() if key not in mapping.IDENTIFYING}
        if stream.name in MIB_RULES:
            fallback = first(attributes, (*mapping.INSTANCE_BY["if"], *mapping.INSTANCE_BY_OTHERS)) or ""
            return mib_sample(MIB_RULES[stream.name], texts, value, t, start, fallback)
        name = vocabulary.custom_name(stream.name)
        if name is None:
            raise BadPoint("unknown_metric", "not in the vocabulary, and too long for a custom name")
        kind: Kind = COUNTER if stream.monotonic else GAUGE
        number = counted(value) if stream.monotonic else value
        return Sample(name, "", self._own_labels(texts), kind, number, None, t, start if stream.monotonic else None)

    def _own_labels(self, texts: dict[str, str]) -> Labels:
        """All attributes: without them, several series would become one."""
        if len(texts) > self.labels:
            raise BadPoint("too_many_labels", f"a point has at most {self.labels} attributes")
        for key, text in texts.items():
            if len(key) > self.label_chars or len(text) > self.label_chars:
                raise BadPoint("bad_value", f"an attribute has more than {self.label_chars} characters")
            if UNSTORABLE in key or UNSTORABLE in text:
                raise BadPoint("bad_value", UNSTORABLE_TEXT)
        return tuple(sorted(texts.items()))


def _state(rule: OtlpRule, states: tuple[str, ...], attributes: Attributes, value: int | float) -> str | None:
    """The state a point stands for; None for the states a device is not in."""
    if value not in (0, 1):
        raise BadPoint("bad_value", "a state is told by points of 0 and 1; or use the name of the MIB object")
    if rule.read is Read.UP_DOWN:
        return "up" if value else "down"
    said = first(attributes, mapping.STATE_ATTRIBUTES)
    if said is None:
        raise BadPoint("wrong_type", f"{mapping.STATE_ATTRIBUTES[0]} is required: this metric is a state")
    state = said if said in states else mapping.STATE_WORDS.get(said)
    if state not in states:
        raise BadPoint("bad_value", f"a state is one of {', '.join(states)}")
    return state if value else None


def _text(value: str | int | float | bool) -> str:
    if type(value) is str:
        return value
    return str(value).lower() if type(value) is bool else str(value)
