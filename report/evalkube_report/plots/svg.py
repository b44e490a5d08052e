"""The elements of SVG drawings. They have no colours: the style sheet sets colours by class.

Nothing here has a style attribute, which a strict content security policy forbids.
"""

from collections.abc import Sequence
from html import escape

__all__ = ["Svg", "framed", "stroke", "symbol", "text"]


class Svg(str):
    """Markup that is already escaped: template engines do not escape a value with `__html__`."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def framed(title: str, description: str, body: Sequence[str], width: float, height: float) -> Svg:
    """A whole drawing, with a title and a description for readers who do not see it."""
    return Svg(
        f'<svg class="plot" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{''.join(body)}</svg>"
    )


def text(x: float, y: float, words: str, kind: str = "tick", anchor: str = "middle") -> str:
    """A text at a position."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def stroke(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    """A straight line."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def symbol(index: int, x: float, y: float, kind: str = "", told: str = "") -> str:
    """The mark of a series: disc, square, triangle or diamond, each in its own colour. `told` is the tooltip."""
    title = f"<title>{escape(told)}</title>" if told else ""
    name = f"s{index % 6} dot{f' {kind}' if kind else ''}"
    match index % 4:
        case 0:
            return f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="3.6">{title}</circle>'
        case 1:
            return f'<rect class="{name}" x="{x - 3.3:.1f}" y="{y - 3.3:.1f}" width="6.6" height="6.6">{title}</rect>'
        case 2:
            shape = f"M{x:.1f} {y - 4.4:.1f}l4.2 7.4h-8.4z"
        case _:
            shape = f"M{x:.1f} {y - 4.8:.1f}l4.6 4.8l-4.6 4.8l-4.6 -4.8z"
    return f'<path class="{name}" d="{shape}">{title}</path>'
