"""Phase 2: find the block that matters, plan, rewrite, evaluate (paper, algorithm 2)."""

from __future__ import annotations

from mlestar.errors import BadAnswer
from mlestar.events import scope
from mlestar.pipeline.review import check, write_and_try
from mlestar.pipeline.together import together
from mlestar.pipeline.workbench import Workbench
from mlestar.questions.answers import Idea, Target, Variation
from mlestar.questions.blocks import block_fault, replace_block
from mlestar.questions.refinement import (
    ChooseTarget,
    PlanBlock,
    PlanOutcome,
    ProposeVariations,
    StudiedComponent,
    SummarizeAblation,
    WriteBlock,
)
from mlestar.records.solution import Ablation, Attempt, Plan, Refinement, Script, Solution, Trial, Variant
from mlestar.records.strategy import Goal


async def refine(bench: Workbench, solutions: tuple[Solution, ...]) -> tuple[Solution, ...]:
    """Every solution, refined `outer_loop_round` times, all at the same time."""
    return tuple(await together(_refine_solution(bench, solution) for solution in solutions))


async def _refine_solution(bench: Workbench, solution: Solution) -> Solution:
    with scope(solution=solution.number):
        for step in range(bench.settings.outer_loop_round):
            if solution.best is None or not bench.affords(
                f"{solution.number}/step_{step}", bench.seconds_like(solution.best)
            ):
                break
            refinement = await _cycle(bench, solution, solution.best, step)
            trials = [solution.best, *(attempt.trial for attempt in refinement.attempts)]
            solution = solution.model_copy(
                update={"refinements": (*solution.refinements, refinement), "best": bench.metric.best(trials)}
            )
            if solution.best is not None:
                bench.keep(f"{solution.number}/train{step + 1}.py", solution.best.script.source)
    return solution


async def _cycle(bench: Workbench, solution: Solution, current: Trial, step: int) -> Refinement:
    """Ablation study, its summary, a target block, and K attempts on it."""
    ablation = await _study(bench, solution, current, step)
    try:
        target = await _choose_target(bench, solution, current, ablation)
    except BadAnswer as fault:
        bench.remark(f"no block to improve was found ({fault})", warn=True)
        return Refinement(ablation=ablation)
    attempts: tuple[Attempt, ...] = ()
    for k in range(bench.settings.inner_loop_round):
        label = f"{solution.number}/train{step}_improve{k}.py"
        if not bench.affords(label, bench.seconds_like(current)):
            break
        with scope(label=label):
            plan = await _plan(bench, current, target, attempts)
        if plan is None:
            break
        attempt = await _attempt(bench, current, target.block, plan, label)
        attempts += () if attempt is None else (attempt,)
    return Refinement(ablation=ablation, attempts=attempts)


async def _study(bench: Workbench, solution: Solution, current: Trial, step: int) -> Ablation:
    """Variants of the script with one component changed each, executed together (paper, section 3.2)."""
    name = f"{solution.number}/ablation_{step}"
    studied = tuple(
        part for refinement in solution.refinements for part in studied_components(refinement.ablation.variants)
    )
    conditions = bench.conditions_of(current)
    question = ProposeVariations(assignment=conditions, script=current.script.source, studied=studied)
    if not bench.affords(name, bench.seconds_like(current, question.count + 1)):
        return Ablation(baseline=current)
    try:
        with scope(label=name):
            proposed = (await bench.ask(question)).variations[: question.count]
    except BadAnswer as fault:
        bench.remark(f"{name}: no ablation study ({fault})", warn=True)
        return Ablation(baseline=current)
    known = {(part.component, part.change) for part in studied}
    fresh = [variation for variation in proposed if (variation.component, variation.change) not in known]
    works = [_try_variant(bench, current, variation, f"{name}/{k}.py") for k, variation in enumerate(fresh)]
    variants = tuple(variant for variant in await together(works) if variant is not None)
    summary = await _summarize(bench, current, variants, name)
    ablation = Ablation(baseline=current, variants=variants, summary=summary)
    bench.keep(f"{name}.md", summary or "No component was studied.")
    bench.keep(f"{name}.json", ablation.model_dump_json(indent=1, include={"variants": {"__all__": _VARIANT_COLUMNS}}))
    return ablation


_VARIANT_COLUMNS = {"component", "change", "gain"}


async def _try_variant(bench: Workbench, current: Trial, variation: Variation, label: str) -> Variant | None:
    """One variant, not repaired when it fails: what fails shows nothing."""
    source = current.script.source
    fault = block_fault(source, variation.block)
    if fault is not None:
        bench.remark(f"{label}: {fault}", warn=True)
        return None
    with scope(label=label):
        script = Script(source=replace_block(source, variation.block, variation.replacement))
        trial = await bench.evaluate(script, bench.conditions_of(current))
    return Variant(
        component=variation.component, change=variation.change, trial=trial, gain=_gain(bench, trial, current)
    )


def studied_components(variants: tuple[Variant, ...]) -> tuple[StudiedComponent, ...]:
    """What the variants showed, as a question carries it."""
    return tuple(StudiedComponent(component=v.component, change=v.change, gain=v.gain) for v in variants)


async def _summarize(bench: Workbench, current: Trial, variants: tuple[Variant, ...], name: str) -> str:
    if not variants or current.score is None:
        return ""
    question = SummarizeAblation(
        assignment=bench.assignment,
        script=current.script.source,
        baseline_score=current.score,
        components=studied_components(variants),
    )
    try:
        with scope(label=name):
            return (await bench.ask(question)).text
    except BadAnswer as fault:
        bench.remark(f"{name}: not summarised ({fault})", warn=True)
        return "\n".join(f"{v.component} ({v.change}): gain {v.gain}" for v in variants)


async def _choose_target(bench: Workbench, solution: Solution, current: Trial, ablation: Ablation) -> Target:
    """A block that stands in the script exactly once, asked for at most `max_retry` times; raises BadAnswer."""
    earlier = tuple(attempt for refinement in solution.refinements for attempt in refinement.attempts)
    fault: str | None = "no answer"
    for sample in range(bench.settings.max_retry):
        question = ChooseTarget(
            assignment=bench.conditions_of(current),
            script=current.script.source,
            score=current.score or 0.0,
            ablation_summary=ablation.summary,
            components=studied_components(ablation.variants),
            goals=_goals(bench),
            earlier=outcomes(earlier),
            sample=sample,
        )
        target = await bench.ask(question)
        fault = block_fault(current.script.source, target.block)
        if fault is None:
            return target
    raise BadAnswer(fault or "")


async def _plan(bench: Workbench, current: Trial, target: Target, attempts: tuple[Attempt, ...]) -> Plan | None:
    """The first plan came with the target; each further one sees the best earlier plans."""
    if not attempts:
        return Plan(focus=target.focus, description=target.plan)
    best_first = [*bench.metric.ranked(attempts), *(attempt for attempt in attempts if attempt.score is None)]
    question = PlanBlock(
        assignment=bench.conditions_of(current),
        script=current.script.source,
        block=target.block,
        score=current.score or 0.0,
        goals=_goals(bench),
        earlier=outcomes(tuple(best_first[: bench.settings.num_top_plans])),
        tried=tuple(f"{attempt.plan.focus}: {attempt.plan.description}" for attempt in attempts),
    )
    try:
        idea: Idea = await bench.ask(question)
    except BadAnswer as fault:
        bench.remark(f"no further plan ({fault})", warn=True)
        return None
    return Plan(focus=idea.focus, description=idea.plan)


async def _attempt(bench: Workbench, current: Trial, block: str, plan: Plan, label: str) -> Attempt | None:
    """Write the new block, put it in place, evaluate; None when nobody could write it."""
    source, conditions = current.script.source, bench.conditions_of(current)

    def write(sample: int) -> WriteBlock:
        return WriteBlock(
            assignment=conditions,
            script=source,
            block=block,
            focus=plan.focus,
            plan=plan.description,
            sample=sample,
        )

    trial = await write_and_try(
        bench, write, label, into=lambda new: replace_block(source, block, new), assignment=conditions
    )
    if trial is None:
        return None
    if trial.score is not None:
        trial = await check(bench, trial, label)
    return Attempt(plan=plan, block=block, trial=trial, gain=_gain(bench, trial, current))


def outcomes(attempts: tuple[Attempt, ...]) -> tuple[PlanOutcome, ...]:
    """What plans brought, as a question carries it."""
    return tuple(
        PlanOutcome(
            focus=attempt.plan.focus,
            plan=attempt.plan.description,
            score=attempt.score,
            gain=attempt.gain,
            seconds=attempt.trial.seconds,
            fault=attempt.trial.fault,
        )
        for attempt in attempts
    )


def _goals(bench: Workbench) -> tuple[Goal, ...]:
    strategy = bench.brief.strategy
    return strategy.goals_for("refinement") if strategy else ()


def _gain(bench: Workbench, trial: Trial, base: Trial) -> float | None:
    if trial.score is None or base.score is None:
        return None
    return bench.metric.gain(trial.score, base.score)
