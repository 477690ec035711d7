"""How the time of a run is shared: what a script is told it may take, and what may still be started.

Nothing is started that cannot end in time, and enough is kept back for the final submission. Every decision that
depends on the time of day goes through the clock, which keeps it, so that a replay decides alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlestar.doors import Clock
from mlestar.records.settings import Settings
from mlestar.records.strategy import Phase

_SCRIPTS_SHARE = 0.45
"""Share of the run's slot time that the scripts of the first two phases may fill together."""
_ENSEMBLE_SHARE = 0.35
"""Share of the run kept for the ensemble phase."""
_MOST_ENSEMBLE_SHARE = 0.55
"""The same in a short run, where the usual share is too little for one round of ensembles."""
_FINAL_SHARE = 0.15
"""Share of the run kept for the final submission."""
_FINAL_PATIENCE = 0.85
"""Share of what is left at the end that the script of the submission is told it may take."""
_FALLBACK_SHARE = 0.3
"""At most this share of what is left at the end is kept for another script, should that of the submission fail."""
_FULL_DATA_FACTOR = 1.5
"""A script on all of train and the real test takes at most this much longer than on a graded view."""
_TIMEOUT_FACTOR = 2.0
"""A script is ended when it takes this much longer than it was told it may."""
_FAIR_ENSEMBLE_SECONDS = 10.0
"""Before an ensemble script gets less than this on a view, fewer rounds and fewer first scripts are planned."""
_SHORTEST_SECONDS = 3.0
"""No script is told less: the imports alone take one or two."""
_QUICKEST_SECONDS = 1.0
"""Hardly a first script takes less on one view."""
_SHORTEST_TIMEOUT_SECONDS = 10.0


def script_seconds(settings: Settings, views: int, slots: int) -> float:
    """Seconds an ordinary script may take on one view, from the settings alone.

    Assumes that every loop runs in full: candidates, merges, three ablation variants and all attempts.
    """
    per_solution = 2 * settings.num_model_candidates - 1
    per_solution += settings.outer_loop_round * (3 + settings.inner_loop_round)
    executions = settings.num_solutions * per_solution * views
    share = settings.computational_budget * _SCRIPTS_SHARE * slots / max(executions, slots)
    return _bounded(share, settings)


def first_scripts(settings: Settings, views: int, slots: int) -> tuple[int, int]:
    """How many solutions there is time for, and how many models for each: at least one of one.

    Fewer than the settings ask for only when the budget is so short that the first scripts alone would use it up.
    """
    share = min(_SCRIPTS_SHARE, 1 - _FINAL_SHARE - _ensemble_share(settings, views))
    most = int(settings.computational_budget * share * slots / (views * _QUICKEST_SECONDS))
    solutions = max(1, min(settings.num_solutions, most))
    return solutions, max(1, min(settings.num_model_candidates, most // solutions))


def _ensemble_share(settings: Settings, views: int) -> float:
    """Share of the run kept for the ensemble phase; more of a short run, so that one round has fair time."""
    if settings.ensemble_loop_round == 0:
        return 0.0
    one_round = views * _FAIR_ENSEMBLE_SECONDS / settings.computational_budget
    return max(_ENSEMBLE_SHARE, min(_MOST_ENSEMBLE_SHARE, one_round))


def _bounded(seconds: float, settings: Settings) -> float:
    return round(max(_SHORTEST_SECONDS, min(seconds, settings.exec_timeout / _TIMEOUT_FACTOR)), 1)


class Pace:
    """Answers what may still be started in this run."""

    def __init__(self, clock: Clock, settings: Settings, views: int) -> None:
        self._clock = clock
        self._settings = settings
        self._views = views
        """On how many views a script is graded."""

    def reserve_seconds(self, best_seconds: float | None, phase: Phase | None) -> float:
        """Time kept back for the phases to come; the best script's longest graded execution took `best_seconds`.

        While nothing is scored (None) only the submission of a script that uses up the rest is kept back.
        """
        if phase == "submission":
            return 0.0
        if best_seconds is None:
            return self._clock.seconds_left() * _FULL_DATA_FACTOR / (1 + _FULL_DATA_FACTOR)
        budget = self._settings.computational_budget
        final = max(_FINAL_SHARE * budget, _FULL_DATA_FACTOR * best_seconds)
        share = 0.0 if phase == "ensemble" else _ensemble_share(self._settings, self._views)
        return final + share * budget

    def affords(self, name: str, seconds: float, reserve_seconds: float) -> bool:
        """Whether a step that takes about this long may start and still leave what is kept back."""
        needed = seconds + reserve_seconds

        def fits() -> float:
            left = self._clock.seconds_left()
            return float(left > 0 and left >= needed)

        return self._clock.decide(f"affords {name}", fits) > 0

    def timeout_seconds(self, limit_seconds: float, reserve_seconds: float) -> float:
        """How long an execution may really take when the script is told `limit_seconds`."""
        patience = max(_TIMEOUT_FACTOR * limit_seconds, _SHORTEST_TIMEOUT_SECONDS)
        left = self._clock.seconds_left() - reserve_seconds
        return max(_SHORTEST_SECONDS, min(self._settings.exec_timeout, patience, left))

    def ensemble_seconds(self) -> tuple[float, float]:
        """What an ensemble script, which has the whole machine to itself, may take: on one view, and in the submission.

        What the phases before left over is shared so that the final script gets what its graded executions had, and
        the more that all of train asks for: a script is chosen for what it can do in the time it will have. Where
        time is short, it is the time of fewer rounds than the settings allow.
        """
        left = self._clock.decide("seconds left for ensembles", lambda: round(self._clock.seconds_left(), 1))
        graded = 0.0
        for rounds in range(max(1, self._settings.ensemble_loop_round), 0, -1):
            graded = _FINAL_PATIENCE * left / (rounds * self._views + _FULL_DATA_FACTOR)
            if graded >= _FAIR_ENSEMBLE_SECONDS:
                break
        return _bounded(graded, self._settings), _bounded(_FULL_DATA_FACTOR * graded, self._settings)

    def affords_submission(self, rank: int, best_seconds: float) -> bool:
        """Whether there is time for the final execution of a script whose longest graded one took `best_seconds`."""
        return self.affords(f"submission of rank {rank}", _FULL_DATA_FACTOR * best_seconds, 0.0)

    def fallback_seconds(self, rank: int, others_seconds: Sequence[float]) -> float:
        """Time kept back while the script of this rank makes the submission, should it fail.

        `others_seconds`: the longest graded execution of the scripts that come after it, best first. Of these the
        first is meant that needs little of what is left; none (0) where all need more.
        """

        def kept() -> float:
            most = _FALLBACK_SHARE * self._clock.seconds_left()
            needed = (_FULL_DATA_FACTOR * seconds for seconds in others_seconds)
            return next((seconds for seconds in needed if seconds <= most), 0.0)

        return self._clock.decide(f"kept beside rank {rank}", kept)

    def final_seconds(self, rank: int, kept_seconds: float) -> float:
        """What the script of the submission is told it may take; the script of each rank anew."""
        name = "final seconds" if rank == 1 else f"final seconds of rank {rank}"

        def told() -> float:
            left = self._clock.seconds_left()
            return _bounded(min(_FINAL_PATIENCE * left, left - kept_seconds), self._settings)

        return self._clock.decide(name, told)
