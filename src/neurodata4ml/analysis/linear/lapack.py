"""LAPACK on symmetric matrices while other threads run: scipy's wrappers keep the interpreter's lock, these do not."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np

_LETTER = {"f": "s", "d": "d"}


def eigh(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues (n,), ascending, and the eigenvectors (n, n) in columns, of a symmetric matrix.

    The same routine, with the same bits, as ``scipy.linalg.eigh(matrix, driver="evd")``, in float32 or float64.

    Raises
    ------
    LinAlgError
        No convergence, as where values are not finite.
    """
    vectors, n = _copied(matrix), len(matrix)
    values, size, n_integers = np.empty(n, vectors.dtype), np.empty(1, vectors.dtype), np.empty(1, np.intc)
    if n:
        name = "syevd"
        _call(name, vectors.dtype, b"V", b"U", n, vectors, n, values, size, -1, n_integers, -1)
        work, integers = np.empty(int(size[0]) + 1, vectors.dtype), np.empty(int(n_integers[0]), np.intc)
        _call(name, vectors.dtype, b"V", b"U", n, vectors, n, values, work, len(work), integers, len(integers))
    return values, vectors.T


def cholesky(matrix: np.ndarray) -> np.ndarray:
    """Return the lower Cholesky factor (n, n) of a symmetric matrix; what stands above its diagonal means nothing.

    Raises
    ------
    LinAlgError
        The matrix is not positive definite.
    """
    factor, n = _copied(matrix), len(matrix)
    if n:
        # upper, column by column, is lower, row by row
        _call("potrf", factor.dtype, b"U", n, factor, n)
    return factor


def cholesky_solve(factor: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve for columns ``right`` (n, m), given the factor that ``cholesky`` returned."""
    columns, n = np.array(right.T, dtype=factor.dtype, order="C"), len(factor)
    if columns.size:
        _call("potrs", factor.dtype, b"U", n, len(columns), factor, n, columns, n)
    return columns.T


def _copied(matrix: np.ndarray) -> np.ndarray:
    dtype = np.float32 if matrix.dtype == np.float32 else np.float64
    return np.array(matrix, dtype=dtype, order="C")


def _call(name: str, dtype: Any, *arguments: bytes | int | np.ndarray) -> None:
    """Call a routine, which takes everything by address, and last the number that says what went wrong."""
    info = ctypes.c_int(0)
    _routine(_LETTER[np.dtype(dtype).char] + name)(*map(_address, arguments), ctypes.byref(info))
    if info.value:
        message = f"{name} gave up ({info.value}): the matrix holds NaN, or is not positive definite."
        raise np.linalg.LinAlgError(message)


def _address(value: bytes | int | np.ndarray) -> Any:
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.ctypes.data)
    return ctypes.c_char_p(value) if isinstance(value, bytes) else ctypes.byref(ctypes.c_int(value))


@cache
def _routine(name: str) -> Any:
    """Return the routine of scipy's own LAPACK, as it offers it to compiled code; ctypes lets go of the lock."""
    from scipy.linalg import cython_lapack

    capsule = cython_lapack.__pyx_capi__[name]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return ctypes.CFUNCTYPE(None)(api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule)))
