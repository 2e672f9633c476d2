"""placeholder"""


class Cycles:
    pass


def cycles():
    pass
