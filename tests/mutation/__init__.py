"""Change one thing in a module that guards somebody's data, and see whether a test notices. docs/decisions names the reasons."""
