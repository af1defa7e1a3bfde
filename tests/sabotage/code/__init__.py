"""Holes in the source and in functions of the database, as data. Words that are not in the source any more are an error."""

from tests.sabotage.code import decisions, door, exits, journals

HOLES = (*door.HOLES, *decisions.HOLES, *exits.HOLES, *journals.HOLES)
