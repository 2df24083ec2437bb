"""The text format that Prometheus reads (version 0.0.4). Not here: the numbers (`series`).

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, Literal

Type = Literal["counter", "gauge", "histogram"]
Series = dict[tuple[str, ...], list[float]]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def lines(
    kind: Type,
    name: str,
    help_text: str,
    labels: tuple[str, ...],
    series: Series,
    *,
    bounds: tuple[float, ...] = (),
) -> Iterator[str]:
    """Yield the lines of one metric.

    A series is one number, or of a histogram its sum and the count between each of `bounds`.
    """
    escaped = help_text.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {name} {escaped}\n# TYPE {name} {kind}\n"
    if kind == "histogram":
        yield from _buckets(name, labels, series, bounds)
        return
    for values, (number,) in series.items():
        yield f"{name}{_braced(_pairs(labels, values))} {_number(number)}\n"


def _buckets(
    name: str, labels: tuple[str, ...], series: Series, bounds: tuple[float, ...]
) -> Iterator[str]:
    uppers = [*(f'le="{_number(bound)}"}} ' for bound in bounds), 'le="+Inf"} ']
    for values, (total, *counts) in series.items():
        pairs = _pairs(labels, values)
        start = f"{name}_bucket{{{pairs}," if pairs else f"{name}_bucket{{"
        summed = list(accumulate(counts))
        for upper, count in zip(uppers, summed, strict=True):
            yield f"{start}{upper}{count:.0f}\n"
        braced = _braced(pairs)
        yield f"{name}_sum{braced} {_number(total)}\n{name}_count{braced} {summed[-1]:.0f}\n"


def _braced(pairs: str) -> str:
    return f"{{{pairs}}}" if pairs else ""


def _pairs(labels: tuple[str, ...], values: tuple[str, ...]) -> str:
    return ",".join(
        f'{label}="{_escaped(value)}"' for label, value in zip(labels, values, strict=True)
    )


def _escaped(value: str) -> str:
    if value.isalnum():
        return value
    value = value.encode("utf-8", "replace").decode()
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(number: float) -> str:
    if math.isfinite(number):
        return repr(number)
    return "NaN" if math.isnan(number) else "+Inf" if number > 0 else "-Inf"
