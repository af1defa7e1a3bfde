"""What may go wrong before a server answers. The text of each is meant for the person at the terminal."""


class StackError(Exception):
    """The servers cannot be had; the message says why and what to do."""


class NotInstalled(StackError):
    """Neither an address, nor the wheel, nor a system package."""


class InUse(StackError):
    """Somebody else runs on this data folder."""


class DidNotStart(StackError):
    """The program was found and ended, or stayed silent; the message ends with its last lines."""
