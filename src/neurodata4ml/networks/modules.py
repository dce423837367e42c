"""Run a torch module and read its layers through forward hooks, leaving it as it was found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodata4ml.errors import DesignError
from neurodata4ml.networks.layers import Layer, of_answer


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

    def architecture(self) -> str:
        """Return the sha256 of the module's printed form, which tells a ReLU from a tanh; parameters do not."""
        return hashlib.sha256(str(self.module).encode()).hexdigest()

    @property
    def n_bytes(self) -> int:
        """Size of all parameters and buffers."""
        return sum(value.numel() * value.element_size() for value in self.module.state_dict().values())

    def run(self, batches: Iterable[np.ndarray], layers: Sequence[str]) -> Generator[dict[str, np.ndarray]]:
        """Yield the response of each layer, (n, ...), to each of the batches, float32 (n, channel, y, x).

        In evaluation mode, without gradients, and with the deterministic algorithms of cuDNN. Whatever happens, every
        hook is removed and every part gets back the mode it had.

        Raises
        ------
        DesignError
            A layer runs more than once in a pass (a ReLU used in two places), never runs, or returns no tensor; or
            the network draws random numbers although it is not in training.
        """
        with evaluating(self.module), _listening(self.module, layers, _copied) as heard:
            for batch in batches:
                heard.clear()
                self._show(batch)
                yield {layer: _only(heard, layer) for layer in layers}

    def survey(self, batch: np.ndarray) -> list[Layer]:
        """Return every part in the order in which it first answers, and what it answers to this batch."""
        kinds = {name: type(part).__name__ for name, part in self.module.named_modules() if name}
        with evaluating(self.module), _listening(self.module, self.paths, _described) as heard:
            self._show(batch)
        return [_found(name, kinds[name], heard.get(name, []), len(batch)) for name in dict.fromkeys([*heard, *kinds])]

    def tensor(self, batch: np.ndarray) -> Any:
        """Return a batch where the module's parameters are, in their precision."""
        import torch

        first = next(self.module.parameters(), None)
        like = {} if first is None else {"device": first.device, "dtype": first.dtype}
        return torch.from_numpy(np.ascontiguousarray(batch)).to(**like)

    def _show(self, batch: np.ndarray) -> None:
        import torch

        shown = self.tensor(batch)
        before = _random_states(shown.device)
        with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
            self.module(shown)
        if not all(map(torch.equal, before, _random_states(shown.device))):
            message = (
                f"{type(self.module).__name__} draws random numbers although it is not in training, so no two runs "
                "agree. Often a dropout that is always on: type F.dropout(x, training=self.training), or nn.Dropout."
            )
            raise DesignError(message)


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """Put a module into evaluation mode, and each of its parts back into its own."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:  # one by one: a part may have been frozen on purpose
            part.training = training


@contextmanager
def _listening(module: Any, layers: Sequence[str], kept: Callable[[Any], Any]) -> Iterator[dict[str, list[Any]]]:
    heard: dict[str, list[Any]] = {}
    handles = []
    try:
        for layer in layers:
            handles.append(module.get_submodule(layer).register_forward_hook(_ear(heard, layer, kept)))
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def _ear(heard: dict[str, list[Any]], layer: str, kept: Callable[[Any], Any]) -> Callable[[Any, Any, Any], None]:
    def hear(_part: Any, _inputs: Any, output: Any) -> None:
        heard.setdefault(layer, []).append(kept(output) if _is_tensor(output) else None)

    return hear


def _copied(output: Any) -> np.ndarray:
    # at once: the next part may be a ReLU that works in place
    return np.array(output.detach().float().cpu().numpy(), copy=True)


def _random_states(device: Any) -> list[Any]:
    import torch

    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])]


def _described(output: Any) -> tuple[tuple[int, ...], bool]:
    return tuple(output.shape), output.is_floating_point()


def _found(name: str, kind: str, answers: list[Any], n_images: int) -> Layer:
    if len(answers) != 1 or answers[0] is None:
        problem = "returns no tensor" if len(answers) == 1 else f"runs {len(answers)} times in one pass"
        return Layer(name, kind, problem=problem)
    shape, is_real = answers[0]
    return of_answer(name, kind, shape, n_images, is_real=is_real)


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

    return isinstance(value, torch.Tensor) and not value.is_complex()


def _bytes() -> Any:
    import torch

    return torch.uint8
