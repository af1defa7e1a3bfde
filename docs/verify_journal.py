#!/usr/bin/env python3
"""Check an exported journal with nothing but Python: python3 verify_journal.py journal.jsonl [--head CHAIN:SEQ:HASH]…

The file has one JSON object a line: first what the fields are called, then the entries of two chains, "audit" (changes of rights)
and "looks" (who looked at your data), then the daily anchors. An entry's hash is

    SHA-256( hash of the entry before it, as bytes; nothing for the first
             + each field as  LENGTH ":" TEXT ","  with its length in bytes of UTF-8, or  "-,"  if it is null )

so nothing can be changed, taken out, put in or moved without every later hash being different. Whoever could write the whole
file could compute all hashes anew: so compare them with a head that you were mailed, e.g. --head looks:1234:9f86d0…
Anchors are signed with a key only SmartCare has; this script compares their hashes with the chains, not their signatures.

Exit code: 0 whole, 1 broken, 2 not such a file.
"""

import argparse
import hashlib
import json
import sys

CHAINS = ("audit", "looks")


def link(previous, fields):
    """Hash of an entry that follows `previous` (bytes), in hex."""
    whole = previous
    for field in fields:
        text = b"" if field is None else field.encode("utf-8")
        whole += b"-," if field is None else b"%d:%s," % (len(text), text)
    return hashlib.sha256(whole).hexdigest()


class Chain:
    def __init__(self, name, customer, names):
        self.name, self.customer = name, customer
        self.seq_at, self.customer_at = names.index("seq"), names.index("customer")
        self.seq, self.head, self.hashes, self.faults = 0, "", {0: ""}, []

    def add(self, entry):
        seq, fields = entry["seq"], entry["fields"]
        if seq != self.seq + 1:
            self.fault(seq, "does not come after %d" % self.seq)
        if entry["previous"] != self.head:
            self.fault(seq, "does not follow the entry before it")
        if fields is None:
            self.fault(seq, "its entry is gone")
        elif link(bytes.fromhex(entry["previous"]), fields) != entry["hash"]:
            self.fault(seq, "changed")
        elif fields[self.seq_at] != str(seq) or fields[self.customer_at] != self.customer:
            self.fault(seq, "belongs to another place")
        self.seq, self.head = seq, entry["hash"]
        self.hashes[seq] = self.head

    def compare(self, seq, known, who):
        if seq not in self.hashes:
            self.fault(seq, "is missing, but %s knows it" % who)
        elif self.hashes[seq] != known:
            self.fault(seq, "is not what %s knows" % who)

    def fault(self, seq, what):
        self.faults.append("%s %d: %s" % (self.name, seq, what))


def check(lines, heads):
    """The two chains of a file, with their faults. Raises ValueError if it is no journal."""
    first = json.loads(next(lines))
    if first.get("format") != "smartcare.journal/1":
        raise ValueError("the first line names no format that is known here")
    chains = {name: Chain(name, first["customer"], first[name + "_fields"]) for name in CHAINS}
    anchors = first["anchors_fields"]
    for line in lines:
        entry = json.loads(line)
        if entry["chain"] in chains:
            chains[entry["chain"]].add(entry)
            continue
        named = dict(zip(anchors, entry["fields"]))
        for name, chain in chains.items():
            chain.compare(int(named[name + "_seq"]), named[name + "_hash"], "the anchor of " + named["day"])
    for head in heads:
        name, seq, known = head.split(":")
        chains[name].compare(int(seq), known.lower(), "the head you gave")
    return chains


def main():
    parser = argparse.ArgumentParser(description="Check an exported SmartCare journal.")
    parser.add_argument("file")
    parser.add_argument("--head", action="append", default=[], metavar="CHAIN:SEQ:HASH", help="a head you were mailed")
    wanted = parser.parse_args()
    try:
        with open(wanted.file, encoding="utf-8") as lines:
            chains = check(lines, wanted.head)
    except (OSError, ValueError, KeyError, StopIteration) as error:
        print("No journal that can be read: %s" % error, file=sys.stderr)
        return 2
    for chain in chains.values():
        print("%d %s, last hash %s" % (chain.seq, chain.name, chain.head or "none"))
    faults = [fault for chain in chains.values() for fault in chain.faults]
    print("\n".join(faults) if faults else "Whole.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
