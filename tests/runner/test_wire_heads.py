"""Headers and queries of several givers."""

from evalkube_runner.wire import heads


def test_the_last_giver_of_a_header_wins() -> None:
    """However its letters are: two of one name would be two keys."""
    joined = heads.joined({"authorization": "a", "X-Team": "t"}, {"Authorization": "b"}, {"AUTHORIZATION": "c"})
    assert joined == {"AUTHORIZATION": "c", "X-Team": "t"}


def test_parameters_join_those_of_the_url() -> None:
    """Which stay as they are written; what is added is encoded, and goes before one of its name."""
    assert heads.with_query("http://h/v1?a=%2f&a=b", {"v": "1", "key": "x y&z"}) == (
        "http://h/v1?a=%2f&a=b&v=1&key=x+y%26z"
    )
    assert heads.with_query("http://h/v1?v=0&a=b", {"v": "1"}) == "http://h/v1?a=b&v=1"
    assert heads.with_query("http://h/v1", {}) == "http://h/v1"
