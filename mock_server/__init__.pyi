from .app import create_app as create_app
from .clock import Clock as Clock
from .errors import ConfigError as ConfigError
from .errors import KlingMockError as KlingMockError
from .errors import KlingMockWarning as KlingMockWarning
from .errors import ServerError as ServerError
from .errors import SettingsError as SettingsError
from .errors import UnknownModel as UnknownModel
from .errors import UnknownScenario as UnknownScenario
from .exchanges.exchange import Exchange as Exchange
from .jobs.charges import Charge as Charge
from .scenarios import Fault as Fault
from .scenarios import Scenario as Scenario
from .scenarios import find_scenario as find_scenario
from .server import MockServer as MockServer
from .settings import Settings as Settings
from .timeline import Step as Step

__version__: str
