"""An attack on "never a silent wrong point": random nasty systems against exact steady states.

`python -m attack --help`, from the folder `tests`, runs as many systems as asked for.
"""
