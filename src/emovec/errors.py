"""The one exception that users are meant to read."""


class EmovecError(Exception):
    """Bad input or a broken file: one sentence that names the file, line or setting, and the remedy.

    The command line prints the message without a traceback and exits with code 2.
    """
