"""LAPACK on symmetric matrices while other threads run: scipy's wrappers keep the interpreter's lock, these do not.

Where scipy does not offer its routines (``scipy.linalg.cython_lapack``) as these expect them, its wrappers do the same.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np

_LETTER = {"f": "s", "d": "d"}


def eigh(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues (n,), ascending, and the eigenvectors (n, n) in columns, of a symmetric matrix.

    The same routine, with the same bits, as ``scipy.linalg.eigh(matrix, driver="evd")``, in float32 or float64. Reads
    the lower triangle.

    Raises
    ------
    LinAlgError
        No convergence, as where values are not finite.
    """
    if not _offered():
        return _scipys().eigh(_copied(matrix), driver="evd", check_finite=False)  # type: ignore[no-any-return]
    vectors, n = _copied(matrix), len(matrix)
    values, size, n_integers = np.empty(n, vectors.dtype), np.empty(1, vectors.dtype), np.empty(1, np.intc)
    if n:
        name = "syevd"
        _call(name, vectors.dtype, b"V", b"L", n, vectors, n, values, size, -1, n_integers, -1)
        work, integers = np.empty(int(size[0]) + 1, vectors.dtype), np.empty(int(n_integers[0]), np.intc)
        _call(name, vectors.dtype, b"V", b"L", n, vectors, n, values, work, len(work), integers, len(integers))
    return values, vectors


def cholesky(matrix: np.ndarray) -> np.ndarray:
    """Return the lower Cholesky factor (n, n) of a symmetric matrix; what stands above its diagonal means nothing.

    Reads the lower triangle.

    Raises
    ------
    LinAlgError
        The matrix is not positive definite.
    """
    factor, n = _copied(matrix), len(matrix)
    if not _offered():
        return np.asarray(_scipys().cholesky(factor, lower=True, check_finite=False))
    if n:
        _call("potrf", factor.dtype, b"L", n, factor, n)
    return factor


def cholesky_solve(factor: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve for columns ``right`` (n, m), given the factor that ``cholesky`` returned."""
    # another shape would be read beyond its end
    if right.ndim != 2 or factor.shape != (len(right), len(right)):
        message = f"A factor of shape {factor.shape} solves for columns of its length; got {right.shape}."
        raise ValueError(message)
    factor, columns = np.asfortranarray(factor), np.array(right, dtype=factor.dtype, order="F")
    if not _offered():
        return np.asarray(_scipys().cho_solve((factor, True), columns, check_finite=False))
    if columns.size:
        _call("potrs", factor.dtype, b"L", len(factor), columns.shape[1], factor, len(factor), columns, len(factor))
    return columns


def _copied(matrix: np.ndarray) -> np.ndarray:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        message = f"A symmetric matrix is square; got {matrix.shape}."
        raise ValueError(message)
    # column by column, as LAPACK reads
    return np.array(matrix, dtype=np.float32 if matrix.dtype == np.float32 else np.float64, order="F")


def _scipys() -> Any:
    from scipy import linalg

    return linalg


@cache
def _offered() -> bool:
    """Return whether scipy offers its routines to compiled code, with integers of 32 bits."""
    try:
        from scipy.linalg import cython_lapack

        names = [_name(cython_lapack.__pyx_capi__[a + b]) for a in "sd" for b in ("syevd", "potrf", "potrs")]
    except (ImportError, AttributeError, KeyError, ValueError):
        return False
    return all(name.startswith(b"void (char *, ") and b" int *, " in name for name in names)


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
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    address = pointer(("PyCapsule_GetPointer", ctypes.pythonapi))(capsule, _name(capsule))
    return ctypes.CFUNCTYPE(None)(address)


def _name(capsule: Any) -> bytes:
    """Return the name of a capsule: the types of what a routine takes."""
    name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", ctypes.pythonapi))(capsule)
    return bytes(name)
