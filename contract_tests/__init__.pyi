from .generation.payloads import MISSING as MISSING
from .generation.payloads import Case as Case
from .generation.payloads import InvalidCase as InvalidCase
from .generation.payloads import boundary_payloads as boundary_payloads
from .generation.payloads import invalid_cases as invalid_cases
from .generation.payloads import invalid_payloads as invalid_payloads
from .generation.payloads import valid_payloads as valid_payloads
from .pytest_suite import contract_test as contract_test
