"""Messages in one printable line each."""


def in_one_line(message: str) -> str:
    r"""A message whose line breaks and other letters that cannot be printed are escaped.

    >>> in_one_line("a\nb.toml: cannot be read")
    'a\\nb.toml: cannot be read'
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode()
        for letter in message
    )
