"""What is wrong with the system at a point whose status has several causes."""

from collections.abc import Mapping
from typing import Any

import jax

from qthermo_jax.diagnosis import diagnose
from qthermo_jax.sweeping.compute.setting import system_function
from qthermo_jax.sweeping.plan.record import Plan


def causes_at(plan: Plan, point: Mapping[str, Any]) -> tuple[str, ...]:
    """What is wrong there, in 64 bit; nothing if the system is sound.

    Args:
        point: the values of the parameters that move.
    """
    with jax.enable_x64(True):
        return diagnose(system_function(plan)(**plan.numbers, **point))
