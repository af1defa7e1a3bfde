"""`demo --check`: the whole way of a report, seen from outside over HTTP alone.

Everything is asked through the doors that people, partners' programs and devices use. A claim that something did not
happen is made only where the same receiver is known to work, and only after what must come first has come.
"""
