"""Everything that is wrong or odd in a spec, for `qthermo check`."""

from dataclasses import dataclass
from pathlib import Path

from qthermo_jax.sweeping.compute.cold import not_unique_at_zero
from qthermo_jax.sweeping.errors import Issue, SpecError
from qthermo_jax.sweeping.execute.checking import oddities_of, plan_from_text
from qthermo_jax.sweeping.execute.fitting import problem_from_file
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.spec.reading import read_toml
from qthermo_jax.sweeping.spec.toml_lines import with_lines
from qthermo_jax.sweeping.store.store import check_file_name


@dataclass(frozen=True)
class Verdict:
    """What `check` found.

    Attributes:
        faults: the sweep cannot be run with these; in the order of the file.
        oddities: allowed, but probably not what was meant; in the order of the file.
        plan: None if there is a fault.
    """

    faults: tuple[Issue, ...]
    oddities: tuple[Issue, ...]
    plan: Plan | None


def check(path: Path, output: Path) -> Verdict:
    """Find everything that is wrong with a spec; of its points, at most a few at T = 0 are solved.

    Args:
        output: the file that its result would go to.

    Raises:
        SpecError: it cannot be read, is not TOML, or the output's name is too long.
    """
    check_file_name(output)
    data, text = read_toml(path)
    try:
        plan = plan_from_text(path, data, text, devices=1)
        if plan.spec.fit:
            problem_from_file(path)  # which reads the data
    except SpecError as error:
        return Verdict(error.issues, (), None)
    oddities = [*oddities_of(plan, output), *not_unique_at_zero(plan)]
    return Verdict((), tuple(with_lines(oddities, text, str(path))), plan)
