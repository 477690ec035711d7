"""Phase 1: a first script for each solution from retrieved models, and their merge (paper, algorithm 1)."""

from __future__ import annotations

import asyncio

from mlestar.errors import BadAnswer
from mlestar.events import scope
from mlestar.pipeline.pace import first_scripts
from mlestar.pipeline.review import check, try_and_repair, write_and_try
from mlestar.pipeline.together import together
from mlestar.pipeline.workbench import Workbench
from mlestar.questions.initialization import MergeScripts, RetrieveModels, SummarizeTask, WriteCandidate
from mlestar.records.solution import CARRIED, Candidate, ModelIdea, Solution, Trial

Ideas = asyncio.Task[tuple[ModelIdea, ...]]


async def initialize(bench: Workbench) -> tuple[Solution, ...]:
    """One solution for each of `num_solutions`, developed at the same time; those without a score are left out."""
    summary = await _summarize(bench)
    number_of_solutions, models = first_scripts(bench.settings, len(bench.lab.examiner.views), bench.lab.executor.slots)
    if (number_of_solutions, models) != (bench.settings.num_solutions, bench.settings.num_model_candidates):
        bench.remark(f"the budget is too short for more than {number_of_solutions} solutions of {models} models each")
    numbers = range(1, number_of_solutions + 1)
    ideas: list[Ideas] = []
    for number in numbers:
        ideas.append(asyncio.create_task(_retrieve_after(bench, summary, models, number, tuple(ideas))))
    try:
        works = zip(numbers, ideas, strict=True)
        solutions = await together(_develop(bench, summary, number, found) for number, found in works)
    finally:
        for task in ideas:
            task.cancel()
    return tuple(solution for solution in solutions if solution.best is not None)


async def _summarize(bench: Workbench) -> str:
    try:
        return (await bench.ask(SummarizeTask(assignment=bench.assignment))).text
    except BadAnswer as fault:
        bench.remark(f"the task's own description is used, it could not be summarised ({fault})", warn=True)
        return bench.assignment.description


async def _retrieve_after(
    bench: Workbench, summary: str, count: int, number: int, earlier: tuple[Ideas, ...]
) -> tuple[ModelIdea, ...]:
    """Models for one solution, told what the earlier ones took, so that no two solutions are alike."""
    taken = [idea.name for ideas in earlier for idea in await ideas]
    with scope(solution=number):
        return await _retrieve(bench, summary, count, tuple(taken))


async def _retrieve(bench: Workbench, summary: str, count: int, taken: tuple[str, ...]) -> tuple[ModelIdea, ...]:
    """Models that are not taken; asks again for others at most `max_retry` times."""
    strategy = bench.brief.strategy
    for sample in range(bench.settings.max_retry):
        question = RetrieveModels(
            assignment=bench.assignment,
            summary=summary,
            count=count,
            goals=strategy.goals_for("initialization") if strategy else (),
            taken=taken,
            sample=sample,
        )
        try:
            answer = await bench.ask(question)
        except BadAnswer as fault:
            bench.remark(f"no models retrieved ({fault})", warn=True)
            continue
        others = tuple(idea for idea in answer.models if idea.name not in taken)
        if others:
            return others[:count]
    bench.remark("no further model was found; the solution is left out", warn=True)
    return ()


async def _develop(bench: Workbench, summary: str, number: int, ideas: Ideas) -> Solution:
    """One solution: its candidates executed together, then merged best first."""
    with scope(solution=number):
        works = [_try_candidate(bench, summary, number, k, idea) for k, idea in enumerate(await ideas, start=1)]
        if number == 1 and bench.brief.carried is not None:
            works.append(_try_carried(bench))
        candidates = tuple(one for one in await together(works) if one is not None)
        ranked = [candidate.trial for candidate in bench.metric.ranked(candidates)]
        if not ranked:
            return Solution(number=number, candidates=candidates)
        initial, merges = await _merge(bench, number, ranked)
        initial = await check(bench, initial, f"{number}/train0.py")
        bench.keep(f"{number}/train0.py", initial.script.source)
        return Solution(number=number, candidates=candidates, merges=merges, initial=initial, best=initial)


async def _try_candidate(bench: Workbench, summary: str, number: int, k: int, idea: ModelIdea) -> Candidate | None:
    def write(sample: int) -> WriteCandidate:
        return WriteCandidate(assignment=bench.assignment, summary=summary, idea=idea, sample=sample)

    trial = await write_and_try(bench, write, f"{number}/init_code_{k}.py")
    return None if trial is None else Candidate(idea=idea, trial=trial)


async def _try_carried(bench: Workbench) -> Candidate | None:
    """The best script known before this run, on this run's splits and in the time it had when it got its score."""
    carried = bench.brief.carried
    if carried is None:
        return None
    assignment = bench.whole_machine(carried.time_limit_seconds or bench.assignment.script_seconds)
    with scope(label="1/init_code_carried.py"):
        trial = await try_and_repair(bench, carried.script, assignment)
    return Candidate(idea=ModelIdea(name=CARRIED), trial=trial)


async def _merge(bench: Workbench, number: int, ranked: list[Trial]) -> tuple[Trial, tuple[Trial, ...]]:
    """Merge the others into the best, best first; stop at the first merge that is not better (algorithm 1)."""
    best, merges = ranked[0], []
    if bench.conditions_of(best) != bench.assignment:
        return best, ()  # a carried script had more time; it is joined with others in the ensemble phase
    for k, addition in enumerate(ranked[1:], start=1):
        label = f"{number}/merge_{k}.py"
        if addition.script == best.script or not bench.affords(label, bench.seconds_like(best)):
            break
        base = best

        def write(sample: int, base: Trial = base, addition: Trial = addition) -> MergeScripts:
            return MergeScripts(
                assignment=bench.assignment, base=base.script.source, addition=addition.script.source, sample=sample
            )

        merged = await write_and_try(bench, write, label)
        if merged is not None:
            merges.append(merged)
        if merged is None or not bench.metric.better(merged.score, best.score):
            break
        best = merged
    return best, tuple(merges)
