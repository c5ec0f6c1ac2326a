"""Small neural networks in the format ONNX, written by hand, so that a test knows what a model must answer.

https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3 has the numbers of the fields.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

__all__ = ["AGES", "EXPRESSIONS", "certain", "classifier"]

AGES, EXPRESSIONS = 81, 7
"""The classes of the two models."""


def classifier(weights: np.ndarray, bias: Sequence[float], shape: tuple[int, ...], *, softmax: bool = True) -> bytes:
    """Return a network that flattens its input, multiplies it with weights, adds a bias, and takes the softmax.

    Args:
        weights: An array of classes x inputs.
        bias: A number for each class.
        shape: The shape of the input, for example (1, 1, 64, 64).
        softmax: Whether the output are probabilities.
    """
    nodes = [_node("Flatten", ["x"], ["flat"]), _node("Gemm", ["flat", "w", "b"], ["sum" if softmax else "y"])]
    if softmax:
        nodes.append(_node("Softmax", ["sum"], ["y"]))
    graph = b"".join(
        [
            *(_field(1, node) for node in nodes),
            _field(2, b"constructed"),
            _field(5, _tensor("w", np.ascontiguousarray(weights.T, dtype=np.float32))),
            _field(5, _tensor("b", np.array(bias, dtype=np.float32))),
            _field(11, _value("x", shape)),
            _field(12, _value("y", (1, len(bias)))),
        ]
    )
    return _number(1, 7) + _field(7, graph) + _field(8, _number(2, 13))


def certain(number: int, classes: int) -> bytes:
    """Return a model of ages or of expressions that is certain of one class, whatever face it sees."""
    shape = (1, 3 if classes == AGES else 1, 64, 64)
    bias = [20.0 if each == number else 0.0 for each in range(classes)]
    return classifier(np.zeros((classes, int(np.prod(shape)))), bias, shape)


def _node(kind: str, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    names = [*((1, name) for name in inputs), *((2, name) for name in outputs), (4, kind)]
    return b"".join(_field(number, name.encode()) for number, name in names)


def _tensor(name: str, values: np.ndarray) -> bytes:
    dims = b"".join(_number(1, size) for size in values.shape)
    return dims + _number(2, 1) + _field(8, name.encode()) + _field(9, values.astype("<f4").tobytes())


def _value(name: str, shape: Sequence[int]) -> bytes:
    dims = b"".join(_field(1, _number(1, size)) for size in shape)
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, 1) + _field(2, dims)))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out += struct.pack("B", value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + struct.pack("B", value)
