"""Rules of the second phase: what to ablate, what an ablation showed, what to improve next, the improved block."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from mlestar.errors import BadAnswer
from mlestar.playbook.columns import count_of
from mlestar.playbook.families import family_of
from mlestar.playbook.moves import MOVES, Move
from mlestar.playbook.recipe import ModelPart, Recipe, recipe_of, sections_of
from mlestar.playbook.render import section_text
from mlestar.questions.answers import Code, Idea, Target, Text, Variation, Variations
from mlestar.questions.refinement import (
    ChooseTarget,
    PlanBlock,
    PlanOutcome,
    ProposeVariations,
    StudiedComponent,
    SummarizeAblation,
    WriteBlock,
)
from mlestar.records.base import Record
from mlestar.records.strategy import Goal
from mlestar.records.task import Assignment


def propose_variations(question: ProposeVariations) -> Variations:
    """One component changed or disabled at a time, those not yet studied."""
    recipe = recipe_of(question.script)
    blocks = sections_of(question.script)
    done = {(studied.component, studied.change) for studied in question.studied}
    variations = []
    for component, change, section, varied in _variants(recipe, question.assignment):
        block, replacement = blocks[section], _blocks_text(recipe, varied, section)
        if (component, change) in done or replacement == block or _searches_in_vain(varied):
            continue
        variations.append(Variation(component=component, change=change, block=block, replacement=replacement))
    return Variations(variations=tuple(variations[: question.count]))


def _variants(recipe: Recipe, given: Assignment) -> Iterable[tuple[str, str, str, Recipe]]:
    """Component, change, section and the varied recipe; the parts in turn, models first."""
    models = iter(_model_variants(recipe))
    others = iter(_other_variants(recipe, given))
    for model, other in itertools.zip_longest(models, others):
        yield from (variant for variant in (model, other) if variant is not None)


def _model_variants(recipe: Recipe) -> Iterable[tuple[str, str, str, Recipe]]:
    """Each model left out, or a plainer one in place of the only one."""
    if len(recipe.models.models) > 1:
        for model in recipe.models.models:
            rest = tuple(other for other in recipe.models.models if other is not model)
            yield f"model {model.name}", "left out", "models", _with(recipe, "models", models=rest)
        return
    only = recipe.models.models[0]
    plainer = "linear" if family_of(only.name).name != "linear" else "lightgbm"
    varied = _with(recipe, "models", models=(ModelPart(name=plainer),))
    yield "models", f"{plainer} instead of {only.name}", "models", varied


def _other_variants(recipe: Recipe, given: Assignment) -> Iterable[tuple[str, str, str, Recipe]]:
    """Every other part made plainer; a part that is plain already gives the same script."""
    yield "features", "no made columns", "features", recipe.model_copy(update={"features": recipe.features.plain})
    if recipe.target.transform != "none":
        yield "target", "learned as it is", "target", _with(recipe, "target", transform="none")
    fewer = max(2, recipe.training.folds // 2)
    if not recipe.training.held_out:
        yield "training", "half the folds", "training", _with(recipe, "training", folds=fewer, repeats=1)
    if count_of(given, "categorical"):
        yield "encoding", "rare categories as one", "encoding", _with(recipe, "encoding", rare=10, categories="codes")
    if recipe.submission.post != "none":
        yield "submission", "no correction at the end", "submission", _with(recipe, "submission", post="none")


def _with(recipe: Recipe, section: str, **values: object) -> Recipe:
    """The recipe with fields of one part set."""
    part: Record = getattr(recipe, section)
    return recipe.model_copy(update={section: part.model_copy(update=values)})


def _blocks_text(recipe: Recipe, changed: Recipe, section: str) -> str:
    """The text that takes a section's place; a search that the script does not have yet follows the models."""
    text = section_text(changed, section)
    if section == "models" and changed.tuning is not None and recipe.tuning is None:
        text += "\n\n\n" + section_text(changed, "tuning")
    return text


def _searches_in_vain(recipe: Recipe) -> bool:
    """Whether the script would search the parameters of a model it no longer has."""
    return recipe.tuning is not None and recipe.tuning.model not in recipe.model_names


def summarize_ablation(question: SummarizeAblation) -> Text:
    """The components by how much the score lost without them."""
    ranked = by_importance(question.components)
    if not ranked:
        return Text(text="No variant of the script gave a score, so nothing is known of its components.")
    lines = [f"- {c.component} ({c.change}): {c.gain:+.6g}" for c in ranked]
    return Text(
        text=f"{ranked[0].component} matters most. Change of the score {question.baseline_score:.6g} "
        "(positive is better) by component:\n" + "\n".join(lines)
    )


def by_importance(components: Iterable[StudiedComponent]) -> list[StudiedComponent]:
    """The components that have a gain, the greatest loss first."""
    return sorted((c for c in components if c.gain is not None), key=lambda c: c.gain or 0.0)


def choose_target(question: ChooseTarget) -> Target:
    """The first move that fits by goals, then by what the ablation showed, then by what usually pays."""
    recipe = recipe_of(question.script)
    tried = _tried(question.earlier)
    moves = _ordered(recipe, question.assignment, question.goals, tried, question.components)
    unlucky = {outcome.focus for outcome in question.earlier if (outcome.gain or 0.0) <= 0}
    moves.sort(key=lambda move: move.focus in unlucky and move.focus not in {goal.focus for goal in question.goals})
    if not moves:
        raise BadAnswer("the playbook has no further plan for this script")
    move = moves[0]
    return Target(block=sections_of(question.script)[move.section], focus=move.focus, plan=move.plan)


def plan_block(question: PlanBlock) -> Idea:
    """The next untried move on the same block."""
    recipe = recipe_of(question.script)
    section = _section_of(question.script, question.block)
    tried = _tried(question.earlier) | {plan.partition(": ")[2] for plan in question.tried}
    moves = [m for m in _ordered(recipe, question.assignment, question.goals, tried, ()) if m.section == section]
    if not moves:
        raise BadAnswer(f"the playbook has no further plan for the section {section}")
    return Idea(focus=moves[0].focus, plan=moves[0].plan)


def write_block(question: WriteBlock) -> Code:
    """The block rendered again after the move the plan names."""
    recipe = recipe_of(question.script)
    section = _section_of(question.script, question.block)
    move = _move_of(question.focus, question.plan, section)
    changed = move.change(recipe, question.assignment)
    return Code(source=_blocks_text(recipe, changed, section))


def _move_of(focus: str, plan: str, section: str) -> Move:
    here = [move for move in MOVES if move.section == section]
    named = [move for move in here if move.plan == plan] or [move for move in here if move.focus == focus]
    if not named:
        raise BadAnswer(f"the playbook knows no way to carry out {focus!r} in the section {section}")
    return named[0]


def _section_of(script: str, block: str) -> str:
    for name, text in sections_of(script).items():
        if text.strip("\n") == block.strip("\n"):
            return name
    raise BadAnswer("the playbook rewrites whole sections only; the block is none of the script's sections")


def _tried(earlier: Sequence[PlanOutcome]) -> set[str]:
    return {outcome.plan for outcome in earlier}


def _ordered(
    recipe: Recipe,
    given: Assignment,
    goals: Sequence[Goal],
    tried: set[str],
    components: Sequence[StudiedComponent],
) -> list[Move]:
    """The moves that fit and were not tried, most promising first."""
    wish = {goal.focus: place for place, goal in reversed(list(enumerate(goals)))}
    matters = {
        c.component.partition(" ")[0]: place for place, c in reversed(list(enumerate(by_importance(components))))
    }
    fitting = [move for move in MOVES if move.plan not in tried and move.fits(recipe, given)]
    last = len(MOVES)
    return sorted(
        fitting,
        key=lambda m: (wish.get(m.focus, last), min(2, matters.get(m.section, 2)), MOVES.index(m)),
    )
