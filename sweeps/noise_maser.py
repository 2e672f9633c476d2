"""The three-level maser in the frame that rotates with its drive, by the local master equation.

Scovil & Schulz-DuBois, Phys. Rev. Lett. 2, 262 (1959). |0>, |1>, |2> have the energies 0, omega_c,
omega_h; a hot bath drives 0 <-> 2, a cold one 0 <-> 1, and a resonant field of strength drive couples 1
and 2. Its coherence lets the current be more regular than any rate equation with as much dissipation:
Kalaee, Wacker & Potts, Phys. Rev. E 104, L012103 (2021), arXiv:2103.07791.
"""

import jax.numpy as jnp
import numpy as np

import qthermo_jax as qj


def maser(drive=0.05, omega_c=1.0, omega_h=3.0, T_c=1.0, T_h=10.0, rate_c=0.02, rate_h=0.02):
    """The maser; frequencies in units of omega_c."""
    H = drive * jnp.asarray(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]))
    hot = qj.SparseCoupling(3, rows=[0], columns=[2])
    cold = qj.SparseCoupling(3, rows=[0], columns=[1])
    baths = [qj.Bath(hot, T_h, qj.Flat(rate_h)), qj.Bath(cold, T_c, qj.Flat(rate_c))]
    local = jnp.diag(
        jnp.stack([jnp.zeros(()), jnp.asarray(omega_c, float), jnp.asarray(omega_h, float)])
    )
    return qj.OpenSystem(H, baths, local=local, generator="local")
