"""The dialects: one table in the contract, one here."""

from evalkube_crds import dialects as contract
from evalkube_runner.wire.dialect import DIALECTS


def test_every_dialect_of_the_contract_is_spoken() -> None:
    """And no other."""
    assert DIALECTS.keys() == contract.DIALECTS.keys()
