"""The paper's closed forms, equation by equation ("Quantum thermophoresis").

n_1 and n_2 are the Bose occupations of the two baths at the system's transition frequencies omega_1 and
omega_2, n their mean, delta_n = n_2 - n_1; both baths couple with the same flat rate Gamma; d is the
distance of the positions "1" and "2". Units: hbar = k_B = 1, and m* is a pure number, so that a force
comes in units of Gamma^2 d. Everything is elementwise and broadcasts. Products are written so that
nothing cancels: n(3n + 2) - (3/4) delta_n^2 is 3 n_1 n_2 + n_1 + n_2.
"""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num

Values = Num[ArrayLike, "*#s"]
Populations = Num[ArrayLike, "*#s 3"]


def _arrays(*values: Num[ArrayLike, "..."]) -> list[Float[Array, "*s"]]:
    """As floating-point arrays of one shape."""
    return list(jnp.broadcast_arrays(*(jnp.asarray(value, float) for value in values)))


def _stiffness(n_1: Float[Array, "*s"], n_2: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """Omega^2/Gamma^2 = n(3n + 2) - (3/4) delta_n^2."""
    return 3.0 * n_1 * n_2 + n_1 + n_2


def _stiffness_V(n_1: Float[Array, "*s"], n_2: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """Omega_V^2/Gamma^2 = (3n + 1)(n + 1) - (3/4) delta_n^2."""
    return 3.0 * n_1 * n_2 + 2.0 * (n_1 + n_2) + 1.0


# --- the classical particle


def thermophoretic_force(T: Values, T_prime: Values, p: Values, V: Values) -> Float[Array, "*s"]:
    """Mean Langevin force on a Brownian particle, -(T'/T) p V: Eq. 1.

    Args:
        T, T_prime: temperature and its gradient where the particle is.
        p, V: pressure there, effective volume of the particle.

    >>> thermophoretic_force(2.0, -0.5, 4.0, 1.0).item()  # from hot to cold
    1.0
    """
    T, T_prime, p, V = _arrays(T, T_prime, p, V)
    return -(T_prime / T) * p * V


# --- populations


def _flow(
    low: Float[Array, "*s"], high: Float[Array, "*s"], n: Float[Array, "*s"], Gamma: Float[Array, "*s"]
) -> Float[Array, "*s"]:
    """Net rate of emission, Gamma (n + 1) P_high - Gamma n P_low."""
    return Gamma * ((n + 1.0) * high - n * low)


def rate_equation(P: Populations, n_1: Values, n_2: Values, Gamma: Values) -> Float[Array, "*s 3"]:
    """dP/dt of the Lambda system's populations (P_1, P_2, P_e): Eq. 6.

    dP_k/dt = Gamma (n_k + 1) P_e - Gamma n_k P_k, and P_e takes the rest.

    >>> rate_equation(jnp.array([0.5, 0.5, 0.0]), 1.0, 0.0, 1.0).tolist()
    [-0.5, 0.0, 0.5]
    """
    P = jnp.asarray(P, float)
    P_1, P_2, P_e, n_1, n_2, Gamma = _arrays(P[..., 0], P[..., 1], P[..., 2], n_1, n_2, Gamma)
    flows = _flow(P_1, P_e, n_1, Gamma), _flow(P_2, P_e, n_2, Gamma)
    return jnp.stack([*flows, -sum(flows)], axis=-1)


def rate_equation_V(P: Populations, n_1: Values, n_2: Values, Gamma: Values) -> Float[Array, "*s 3"]:
    """dP/dt of the V system's populations (P_g, P_1, P_2): the twin of Eq. 6, behind Eq. 13.

    dP_k/dt = Gamma n_k P_g - Gamma (n_k + 1) P_k, and P_g takes the rest.

    >>> rate_equation_V(jnp.array([1.0, 0.0, 0.0]), 1.0, 2.0, 1.0).tolist()
    [-3.0, 1.0, 2.0]
    """
    P = jnp.asarray(P, float)
    P_g, P_1, P_2, n_1, n_2, Gamma = _arrays(P[..., 0], P[..., 1], P[..., 2], n_1, n_2, Gamma)
    flows = _flow(P_g, P_1, n_1, Gamma), _flow(P_g, P_2, n_2, Gamma)
    return jnp.stack([sum(flows), *(-flow for flow in flows)], axis=-1)


def heat_currents(
    P: Populations, n_1: Values, n_2: Values, Gamma: Values, omega_1: Values, omega_2: Values
) -> Float[Array, "*s 2"]:
    """Heat currents of the Lambda system into its baths, J_k = omega_k Gamma [(n_k + 1) P_e - n_k P_k].

    Paper, "Quantum Dufour effect": at n_1 = n_2, P_2 > P_1 makes J_1 > J_2. P is (P_1, P_2, P_e).

    >>> heat_currents(jnp.array([0.0, 0.5, 0.5]), 1.0, 1.0, 1.0, 1.0, 1.0).tolist()
    [1.0, 0.5]
    """
    flows = rate_equation(P, n_1, n_2, Gamma)
    omega_1, omega_2, J_1, J_2 = _arrays(omega_1, omega_2, flows[..., 0], flows[..., 1])
    return jnp.stack([omega_1 * J_1, omega_2 * J_2], axis=-1)


def Delta(P_1: Values, P_2: Values) -> Float[Array, "*s"]:
    """Unbalance P_2 - P_1: Eq. 7.

    >>> Delta(0.25, 0.75).item()
    0.5
    """
    P_1, P_2 = _arrays(P_1, P_2)
    return P_2 - P_1


def Delta_ss(n_1: Values, n_2: Values) -> Float[Array, "*s"]:
    """Steady-state unbalance P_2 - P_1 of the Lambda system: Eq. 8.

    NaN where both occupations are 0: every mixture of |1> and |2> is then steady.

    >>> Delta_ss(0.7, 0.0).item()  # a cold bath at T = 0 takes all
    1.0
    """
    n_1, n_2 = _arrays(n_1, n_2)
    return (n_1 - n_2) / _stiffness(n_1, n_2)


def Delta_ss_V(n_1: Values, n_2: Values) -> Float[Array, "*s"]:
    """Steady-state unbalance P_2 - P_1 of the V system: Eqs. 13-14 at rest, delta_n Gamma^2/Omega_V^2.

    >>> Delta_ss_V(0.0, 1.0).item()  # towards the hot bath: negative thermophoresis
    0.3333333333333333
    """
    n_1, n_2 = _arrays(n_1, n_2)
    return (n_2 - n_1) / _stiffness_V(n_1, n_2)


# --- the oscillator


def mean_position(unbalance: Values, d: Values) -> Float[Array, "*s"]:
    """Mean position <X> = (d/2) Delta, between -d/2 at "1" and d/2 at "2": Eq. 9.

    >>> mean_position(Delta_ss(0.7, 0.0), 3.0).item()
    1.5
    """
    unbalance, d = _arrays(unbalance, d)
    return 0.5 * d * unbalance


def m_star(n_1: Values, n_2: Values) -> Float[Array, "*s"]:
    """Effective mass m* = 1/(4n + 2), a pure number: below Eqs. 2 and 10.

    >>> m_star(0.0, 0.0).item()
    0.5
    """
    n_1, n_2 = _arrays(n_1, n_2)
    return 0.5 / (n_1 + n_2 + 1.0)


def Omega(n_1: Values, n_2: Values, Gamma: Values) -> Float[Array, "*s"]:
    """Frequency of the Lambda system's oscillator: below Eq. 10.

    Omega^2 = Gamma^2 [n(3n + 2) - (3/4) delta_n^2].

    >>> Omega(1.0, 0.0, 2.0).item()
    2.0
    """
    n_1, n_2, Gamma = _arrays(n_1, n_2, Gamma)
    return Gamma * jnp.sqrt(_stiffness(n_1, n_2))


def Omega_V(n_1: Values, n_2: Values, Gamma: Values) -> Float[Array, "*s"]:
    """Frequency of the V system's oscillator: below Eq. 13.

    Omega_V^2 = Gamma^2 [(3n + 1)(n + 1) - (3/4) delta_n^2].

    >>> Omega_V(0.0, 0.0, 2.0).item()
    2.0
    """
    n_1, n_2, Gamma = _arrays(n_1, n_2, Gamma)
    return Gamma * jnp.sqrt(_stiffness_V(n_1, n_2))


def F_q(n_1: Values, n_2: Values, Gamma: Values, d: Values) -> Float[Array, "*s"]:
    """Quantum thermophoretic force -(delta_n/2) m* Gamma^2 d on the Lambda system: Eq. 2.

    >>> F_q(1.0, 0.0, 1.0, 8.0).item()  # positive, towards the cold bath 2
    1.0
    """
    n_1, n_2, Gamma, d = _arrays(n_1, n_2, Gamma, d)
    return 0.5 * (n_1 - n_2) * m_star(n_1, n_2) * Gamma**2 * d


def F_V(n_1: Values, n_2: Values, Gamma: Values, d: Values) -> Float[Array, "*s"]:
    """Quantum thermophoretic force on the V system, +(delta_n/2) m* Gamma^2 d = -F_q: Eq. 14.

    >>> F_V(1.0, 0.0, 1.0, 8.0).item()  # negative, towards the hot bath 1
    -1.0
    """
    return -F_q(n_1, n_2, Gamma, d)


def motion_residual(
    X: Values, X_dot: Values, X_ddot: Values, n_1: Values, n_2: Values, Gamma: Values, d: Values
) -> Float[Array, "*s"]:
    """What Eq. 10 sets to 0 along every evolution of the Lambda system, left side minus right side.

    m* <X>'' + Gamma <X>' + m* Omega^2 <X> + m* Gamma^2 d delta_n/2; X_dot and X_ddot are the first
    two derivatives of the mean position in time.

    >>> motion_residual(0.5, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0).item()  # at rest, all of it in |2>
    0.0
    """
    X, X_dot, X_ddot, n_1, n_2, Gamma, d = _arrays(X, X_dot, X_ddot, n_1, n_2, Gamma, d)
    spring = Omega(n_1, n_2, Gamma) ** 2 * X
    return m_star(n_1, n_2) * (X_ddot + spring) + Gamma * X_dot - F_q(n_1, n_2, Gamma, d)


def motion_residual_V(
    X: Values, X_dot: Values, X_ddot: Values, n_1: Values, n_2: Values, Gamma: Values, d: Values
) -> Float[Array, "*s"]:
    """What Eq. 13 sets to 0 along every evolution of the V system, left side minus right side.

    m* <X>'' + Gamma <X>' + m* Omega_V^2 <X> - F_V; arguments as for `motion_residual`.

    >>> motion_residual_V(0.0, 0.0, 0.0, 0.7, 0.7, 1.0, 1.0).item()
    0.0
    """
    X, X_dot, X_ddot, n_1, n_2, Gamma, d = _arrays(X, X_dot, X_ddot, n_1, n_2, Gamma, d)
    spring = Omega_V(n_1, n_2, Gamma) ** 2 * X
    return m_star(n_1, n_2) * (X_ddot + spring) + Gamma * X_dot - F_V(n_1, n_2, Gamma, d)


# --- high temperature


def overdamped_side(
    X: Values, X_dot: Values, n_1: Values, n_2: Values, Gamma: Values
) -> Float[Array, "*s"]:
    """Left side of Eq. 11, Gamma <X>' + (4/3) m* Omega^2 <X>; its right side is `F_q_high_T`.

    Eq. 10 with <X>'' = -Gamma n <X>', which holds in this sense. <X> relaxes with two rates,
    Gamma [2n + 1 -+ sqrt((n + 1)^2 + (3/4) delta_n^2)], close to Gamma n and Gamma (3n + 2). Once the
    fast part is gone, after some 1/(2 Gamma n), it is right up to -(3/8) delta_n^2/(n(n + 1)), relative:
    small gradients make it so, at every temperature; at fixed T_2/T_1 high temperatures do not. Before,
    it is wrong at every temperature: from |e>, <X>'' starts as -Gamma (4n + 3) <X>'.

    >>> overdamped_side(0.0, 0.5, 3.0, 3.0, 2.0).item()
    1.0
    """
    X, X_dot, n_1, n_2, Gamma = _arrays(X, X_dot, n_1, n_2, Gamma)
    return Gamma * X_dot + (4.0 / 3.0) * m_star(n_1, n_2) * Omega(n_1, n_2, Gamma) ** 2 * X


def F_q_high_T(n_1: Values, n_2: Values, Gamma: Values, d: Values) -> Float[Array, "*s"]:
    """Thermophoretic force at high temperature, -(delta_n/(3n)) Gamma^2 d/2: Eqs. 11-12.

    It is (4/3) F_q for n >> 1; the relative deviation is 1/(2n), so <X> comes to rest that much too far
    out. From the force on the slow motion, Gamma^2 d/2 times -delta_n/(3n + 2), it is 2/(3n).

    >>> F_q_high_T(3.0, 1.0, 1.0, 6.0).item()
    1.0
    """
    n_1, n_2, Gamma, d = _arrays(n_1, n_2, Gamma, d)
    return (n_1 - n_2) / (n_1 + n_2) * Gamma**2 * d / 3.0


def F_q_of_gradient(T_1: Values, T_2: Values, Gamma: Values, d: Values) -> Float[Array, "*s"]:
    """The same by the temperatures, -(T'/T) Gamma^2 d^2/6, for omega_1 = omega_2 = omega: Eqs. 3 and 12.

    T' = (T_2 - T_1)/d and T = (T_1 + T_2)/2. The next order of n = T/omega - 1/2 + ... cancels here: it
    is (4/3) F_q up to omega^2/(6 T_1 T_2), the force on the slow motion up to omega/(6T).

    >>> F_q_of_gradient(3.0, 1.0, 1.0, 6.0).item()
    1.0
    """
    return F_q_high_T(T_1, T_2, Gamma, d)
