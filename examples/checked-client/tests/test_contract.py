"""Every property of the contract as a test of its own: `python -m pytest -k B2` runs one of them."""

from kling_mock.contract_tests import contract_test

test_contract = contract_test(
    "kling_client:generate", models=["klingai/v2.5-turbo/pro/text-to-video"], xfails="known-failures.txt"
)
