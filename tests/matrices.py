"""Matrices that tests are made of, in plain numpy."""

import numpy as np

SIGMA_X = np.array([[0.0, 1.0], [1.0, 0.0]])


def random_matrix(rng: np.random.Generator, d: int, is_complex: bool) -> np.ndarray:
    matrix = rng.normal(size=(d, d))
    return matrix + 1j * rng.normal(size=(d, d)) if is_complex else matrix


def random_unitary(rng: np.random.Generator, d: int, is_complex: bool) -> np.ndarray:
    return np.linalg.qr(random_matrix(rng, d, is_complex))[0]


def hermitian(matrix: np.ndarray) -> np.ndarray:
    return (matrix + matrix.conj().T) / 2
