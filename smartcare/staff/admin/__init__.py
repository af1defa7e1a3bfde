"""Django's admin for staff, at /staff/admin/: the few tables that are about no customer. What else may be in it: checks.ALLOWED."""
