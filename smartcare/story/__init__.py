"""The cast of the public interface page (`seed`): companies, people, devices, alerts, grants, and what happened between them.

Told in one transaction through the product's own functions; a database that knows the cast is left as it is.
"""

from smartcare.story.seeding import seed

__all__ = ["seed"]
