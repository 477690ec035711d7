"""Every deliberate error of mlestar, named by who has to act.

MleStarError
├── UserError                  the user's: one line that names the key, file or column, and what is allowed
│   ├── TaskError              the task folder or its data
│   └── ConfigError            a setting, its layer, its allowed range
├── BadAnswer                  the engineer's: no usable answer after every retry
├── WorldError                 the world's: worth trying again later, the study stays resumable
│   ├── EngineerUnavailable    a model service does not answer
│   ├── StoreUnavailable       the tracking store does not answer
│   └── ExecutorUnavailable    scripts cannot be executed, or a required guard is missing
├── BudgetExhausted            a hard limit in seconds, tokens or usd leaves no room for the next step
└── NothingScored              a run ended without a single valid score

Foreign exceptions are mapped to these in one place each; any other exception is a bug and surfaces.
"""

from __future__ import annotations


class MleStarError(Exception):
    """Base of all deliberate errors; its text is one line fit to be shown to a person."""


class UserError(MleStarError):
    """The user can mend this."""


class TaskError(UserError):
    """The task folder, one of its files or its data is not usable."""


class ConfigError(UserError):
    """A configuration key or value is wrong."""


class BadAnswer(MleStarError):
    """The engineer gave no usable answer."""


class WorldError(MleStarError):
    """Something outside failed; the study can be resumed."""


class EngineerUnavailable(WorldError):
    """The service behind the engineer cannot be reached or refuses."""


class StoreUnavailable(WorldError):
    """The tracking store cannot be reached."""


class ExecutorUnavailable(WorldError):
    """No script can be executed here as required."""


class BudgetExhausted(MleStarError):
    """A hard limit leaves no room for the next step."""


class NothingScored(MleStarError):
    """No script of the run produced a valid score."""
