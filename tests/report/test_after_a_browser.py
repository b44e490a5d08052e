"""What a browser of the tests leaves behind in the thread that it was used from."""

import asyncio

from fakes.screen import opened_browser


def test_a_loop_runs_once_the_browser_is_closed() -> None:
    """So that tests after those of pages may have loops of their own, in the same process."""
    with opened_browser() as browser:
        browser.new_page().close()
    assert asyncio.run(asyncio.sleep(0, "ran")) == "ran"
