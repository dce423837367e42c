"""Run a torch module and read its layers through forward hooks, leaving it as it was found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodata4ml.errors import DesignError


@dataclass(frozen=True)
class Module:
    """A ``torch.nn.Module`` whose parts are layers, named by their path ("features.3").

    Attributes
    ----------
    module : torch.nn.Module
    """

    module: Any

    @property
    def paths(self) -> tuple[str, ...]:
        """Every part's path, in the order of definition."""
        return tuple(name for name, _ in self.module.named_modules() if name)

    @property
    def children(self) -> tuple[str, ...]:
        """The parts at the top: the layers when nobody names them."""
        return tuple(name for name, _ in self.module.named_children())

    @property
    def n_channels(self) -> int | None:
        """The number of channels that the first convolution takes; None when there is no convolution."""
        import torch

        convolutions = (m for m in self.module.modules() if isinstance(m, torch.nn.Conv2d))
        return next((int(m.in_channels) for m in convolutions), None)

    def digest(self) -> str:
        """Return the sha256 of all parameters and buffers, names and shapes included."""
        total = hashlib.sha256()
        for name, value in self.module.state_dict().items():
            values = value.detach().cpu().contiguous()
            total.update(f"{name} {values.dtype} {tuple(values.shape)}\n".encode())
            total.update(values.reshape(-1).view(dtype=_bytes()).numpy().tobytes())
        return total.hexdigest()

    def run(self, batches: Iterable[np.ndarray], layers: Sequence[str]) -> dict[str, np.ndarray]:
        """Return the response of each layer, (n, ...), to all the batches, float32 (n, channel, y, x).

        In evaluation mode and without gradients. Whatever happens, every hook is removed and every part gets back
        the mode it had.

        Raises
        ------
        DesignError
            A layer runs more than once in a pass (a ReLU used in two places), never runs, or returns no tensor.
        """
        import torch

        first = next(self.module.parameters(), None)
        like = {} if first is None else {"device": first.device, "dtype": first.dtype}
        found: dict[str, list[np.ndarray]] = {layer: [] for layer in layers}
        with _evaluating(self.module), _listening(self.module, layers) as heard, torch.no_grad():
            for batch in batches:
                heard.clear()
                self.module(torch.from_numpy(np.ascontiguousarray(batch)).to(**like))
                for layer in layers:
                    found[layer].append(_only(heard, layer))
        return {layer: np.concatenate(values) for layer, values in found.items()}


@contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:  # one by one: a part may have been frozen on purpose
            part.training = training


@contextmanager
def _listening(module: Any, layers: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
    heard: dict[str, list[Any]] = {}
    handles = []
    try:
        for layer in layers:
            handles.append(module.get_submodule(layer).register_forward_hook(_ear(heard, layer)))
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def _ear(heard: dict[str, list[Any]], layer: str) -> Callable[[Any, Any, Any], None]:
    def hear(_part: Any, _inputs: Any, output: Any) -> None:
        # a copy, at once: the next part may be a ReLU that works in place
        heard.setdefault(layer, []).append(output.detach().float().cpu().numpy().copy() if _is_tensor(output) else None)

    return hear


def _only(heard: dict[str, list[Any]], layer: str) -> np.ndarray:
    answers = heard.get(layer, [])
    if len(answers) != 1:
        message = (
            f"The layer {layer!r} ran {len(answers)} times in one pass, so it has no one response. "
            "Name a part that runs once, for example the block around it."
        )
        raise DesignError(message)
    if answers[0] is None:
        message = f"The layer {layer!r} does not return a tensor. Name the part inside it that does."
        raise DesignError(message)
    return np.atleast_1d(answers[0])


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _bytes() -> Any:
    import torch

    return torch.uint8
