"""What holds for every page of the dashboard, in a real browser."""

import pytest

from fakes.screen import NARROW, WIDE, Screen, Theme, barriers

PAGES = ["/ui", "/ui/new", "/ui/service"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_barriers(screen: Screen, path: str, theme: Theme) -> None:
    """In both themes, by axe."""
    with screen.page(path, theme=theme) as page:
        assert barriers(page) == []


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_no_wider_than_the_window(screen: Screen, path: str, width: int) -> None:
    """Nothing but tables scrolls sideways."""
    with screen.page(path, width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
