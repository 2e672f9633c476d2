"""What systems and states say of themselves, also where their numbers are not known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qthermo_jax as qj
from matrices import SIGMA_X


def qubit(T):
    baths = [qj.Bath(SIGMA_X, T, qj.Flat(0.5)), qj.Bath(SIGMA_X, 0.25, qj.Ohmic(0.1), spontaneous=False)]
    observables = {"<up>": qj.Observable(np.array([0.0, 1.0]), qj.Quantity("excitation"))}
    return qj.OpenSystem(np.diag([0.0, 1.0]), baths, observables=observables)


@pytest.fixture(scope="module")
def state():
    """As `steadystate` returns it, written down: nothing has to be compiled for it."""
    one, code = (lambda value: jnp.asarray(value, float)), (lambda value: jnp.asarray(value, jnp.int8))
    energies, level = one([0.0, 1.0]), jnp.array([0, 1])
    vectors, tolerance = one(np.eye(2)), one(1e-10)
    basis = qj.Eigenbasis(
        ((0, 1),),
        energies,
        energies,
        vectors,
        level,
        level,
        tolerance,
        tolerance,
        one([0.0, 0.0]),
        one(1e-16),
    )
    populations = one([0.875, 0.125])
    method, leak, found = code(qj.Method.POPULATIONS), one(0.0), code(qj.Status.OK)
    error = one(1e-15)
    evidence = one(1e-16), error, error * populations, one(0.0)
    return qj.SteadyState(basis, populations, None, found, leak, method, code(0), *evidence, "auto")


def lines_of(thing):
    headline, *rows = repr(thing).splitlines()
    return headline, dict(row.strip().split("  ", 1) for row in rows)


def test_a_system_says_its_size_its_baths_and_its_generator():
    headline, rows = lines_of(qubit(0.5))
    assert headline == "OpenSystem of dimension 2, baths: 2"
    assert rows["bath 1"].strip() == "T = 0.5, Flat(rate = 0.5)"
    assert rows["bath 2"].strip() == "T = 0.25, Ohmic(eta = 0.1), no spontaneous emission"
    assert rows["generator"].strip() == "global"
    assert rows["observables"] == "<up>"
    _, rows = lines_of(qubit(0.5).with_generator("partial_secular", 0.01))
    assert rows["generator"].strip() == "partial_secular, secular_tol = 0.01"


def test_banks_are_numbered_and_many_baths_are_cut_short():
    bank = qj.Bath(np.stack([SIGMA_X] * 4), np.array([0.8, 0.7, 0.5, 0.4]), qj.Flat(1.0))
    banked = qj.OpenSystem(np.diag([0.0, 1.0]), bank)
    assert lines_of(banked)[1]["baths 1 to 4"] == "T = 0.4 to 0.8, Flat(rate = 1)"
    many = qj.OpenSystem(np.diag([0.0, 1.0]), [qj.Bath(SIGMA_X, 0.5, qj.Flat(1.0))] * 9)
    assert lines_of(many)[1]["..."].strip() == "and 3 more"


def test_a_state_says_its_status_and_who_found_it(state):
    headline, rows = lines_of(state)
    assert headline == "SteadyState of dimension 2"
    assert rows["status"].strip() == "state found"
    assert rows["method"].strip() == "populations"
    assert rows["populations"] == "0.125 to 0.875 (of the eigenstates of H)"
    assert rows["error"].strip() == "1e-15 (bound)"


def test_a_batch_is_counted_and_its_size_is_that_of_one(state):
    batch = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf, leaf]), state)
    codes = jnp.array([0, 4, 0], jnp.int8)
    flagged = eqx.tree_at(lambda own: own.status, batch, codes)
    headline, rows = lines_of(flagged)
    assert headline == "SteadyState of dimension 2, a batch of 3"
    assert rows["status"].strip() == "2 x state found; 1 x the steady state is not unique"
    systems = eqx.filter_vmap(qubit)(jnp.array([0.1, 0.2, 0.3]))
    headline, rows = lines_of(systems)
    assert headline == "OpenSystem of dimension 2, baths: 2, a batch of 3"
    assert rows["bath 1"].strip() == "T = 0.1 to 0.3, Flat(rate = 0.5)"


def test_inside_jit_and_vmap_what_is_not_known_says_so(state):
    seen = []

    @jax.jit
    def temperature(T, given):
        system = qubit(T)
        seen.extend([lines_of(system)[1], lines_of(given)[1], system._repr_html_()])
        seen.append(state.explain())  # known all the same
        return system.temperatures

    jax.vmap(temperature, in_axes=(0, None))(jnp.array([0.1, 0.2]), state)
    system, given, html, explained = seen
    assert system["bath 1"].strip().startswith("T = traced, ")
    assert given["status"].strip() == "traced"
    assert "traced" in html
    assert explained == "state found"


def test_numbers_that_are_gone_or_never_were_do_no_harm(state):
    shapes = eqx.filter_eval_shape(qubit, jnp.array(0.5))
    assert "T = not here" in repr(shapes)
    gone = jax.tree.map(jnp.array, state)
    gone.populations.delete()
    assert lines_of(gone)[1]["populations"].startswith("not here")
    for thing in (qubit(0.5), state):
        flags = jax.tree.map(lambda _: True, thing)
        assert repr(flags).startswith(f"{type(thing).__name__}(")
        assert flags._repr_html_() is None


def test_a_system_that_is_still_being_built_can_be_printed():
    unfinished = object.__new__(qj.OpenSystem)
    assert repr(unfinished).startswith("OpenSystem(")


def test_what_is_not_finite_is_said():
    assert lines_of(qubit(np.nan))[1]["bath 1"].strip().startswith("T = not finite")


def test_a_notebook_gets_a_table_with_names_escaped():
    html = qubit(0.5)._repr_html_()
    assert html.count("<tr>") == len(lines_of(qubit(0.5))[1])
    assert "&lt;up&gt;" in html
    assert "<up>" not in html
