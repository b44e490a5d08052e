"""Decides whether a pod that a quota keeps out can ever come in, from the words of Kubernetes' admission. Pure.

A ResourceQuota that is used up has room again when something ends. One whose limit is below what the pods ask for never
has, nor has a LimitRange, and a quota of a resource that the pods do not state takes no pod that does not.
"""

import re
from decimal import Decimal
from typing import Final

__all__ = ["beyond_limits", "never"]

_EXCEEDED: Final = re.compile(r"requested: (?P<requested>\S+), used: \S+, limited: (?P<limited>[^\s;]+)")
_QUANTITY: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3}|[a-zA-Z]{0,2})")
_UNITS: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}
_LIMIT_RANGE: Final = re.compile(
    r"(maximum|minimum) \S+ usage per (Container|Pod) is|max limit to request ratio per (Container|Pod) is"
)


def never(message: str, together: int) -> bool:
    """Whether the quota of an "exceeded quota" or "must specify" message cannot take `together` such pods at once,
    whatever ends."""
    if "must specify" in message:
        return True
    found = _EXCEEDED.search(message)
    if found is None:
        return False
    limits = _amounts(found["limited"])
    return any(
        name in limits and together * amount > limits[name] for name, amount in _amounts(found["requested"]).items()
    )


def beyond_limits(message: str) -> bool:
    """Whether a LimitRange of the namespace refuses the pod."""
    return _LIMIT_RANGE.search(message) is not None


def _amounts(text: str) -> dict[str, Decimal]:
    """The amounts in a list like `limits.memory=2Gi,pods=1`, without those that are no quantity."""
    pairs = (each.partition("=") for each in text.rstrip(",").split(","))
    return {name: amount for name, _, value in pairs if (amount := _amount(value)) is not None}


def _amount(text: str) -> Decimal | None:
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, unit = found[1], found[2]
    if unit in _UNITS:
        return Decimal(number) * _UNITS[unit]
    return Decimal(number + unit) if unit[1:].lstrip("+-").isdecimal() else None
