"""Built-in models: pure functions of named parameters that return a system."""

from qthermo_jax.models.carnot import carnot
from qthermo_jax.models.chain import chain
from qthermo_jax.models.diode import thermal_diode
from qthermo_jax.models.fmo import fmo
from qthermo_jax.models.maser import maser
from qthermo_jax.models.modulated_qubit import modulated_qubit
from qthermo_jax.models.network import network, square_lattice
from qthermo_jax.models.otto import otto, otto_oscillator, otto_qubits
from qthermo_jax.models.refrigerator import three_level_refrigerator, three_qubit_refrigerator
from qthermo_jax.models.spin_chain import spin_chain
from qthermo_jax.models.swap_engine import swap_engine
from qthermo_jax.models.three_level import lambda_system, v_system
from qthermo_jax.models.transistor import thermal_transistor

__all__ = [
    "carnot",
    "chain",
    "fmo",
    "lambda_system",
    "maser",
    "modulated_qubit",
    "network",
    "otto",
    "otto_oscillator",
    "otto_qubits",
    "spin_chain",
    "square_lattice",
    "swap_engine",
    "thermal_diode",
    "thermal_transistor",
    "three_level_refrigerator",
    "three_qubit_refrigerator",
    "v_system",
]
