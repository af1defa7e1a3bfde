"""What the front door counts; shown on /metrics."""

from prometheus_client import Counter, Histogram

ANSWERS = Counter("smartcare_ingest_answers", "Answers of the front door", ["door", "status"])
SECONDS = Histogram(
    "smartcare_ingest_seconds",
    "Seconds from request to answer",
    ["door"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0),
)
QUARANTINED = Counter("smartcare_ingest_quarantined", "Bodies that made a decoder fail", ["door"])
REFUSALS = Counter(
    "smartcare_ingest_refusals", "Refused requests by reason; also of keys nobody has", ["door", "reason"]
)
