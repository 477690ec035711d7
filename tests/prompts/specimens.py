"""One filled-in question of every type, each field with a value of its own."""

from __future__ import annotations

from typing import Any

from mlestar.doors import Question
from mlestar.questions import enhancement, ensemble, initialization, refinement, review, submission
from mlestar.records.solution import ModelIdea
from mlestar.records.strategy import Goal
from mlestar.records.task import Assignment, ColumnProfile, Metric, SubmissionFormat, TableProfile

SCRIPT = """import pandas as pd

train = pd.read_csv("./input/train.csv")
test = pd.read_csv("./input/test.csv")
value = train["price"].mean()

test["price"] = value
test[["id", "price"]].to_csv("./final/submission.csv", index=False)
"""
BLOCK = 'value = train["price"].mean()'

METRIC = Metric(name="root_mean_squared_error", direction="minimize", needs="values", function_path="own.py:judge")
COLUMN = ColumnProfile(
    name="area",
    kind="numeric",
    missing_share=0.25,
    unique_count=317,
    examples=("91.5", "44"),
    minimum=11,
    maximum=402,
    mean=98.25,
    skewness=1.75,
    mean_words=6.5,
)
TARGET = ColumnProfile(name="price", kind="numeric", missing_share=0.0, unique_count=901, minimum=1000, maximum=90000)
ASSIGNMENT = Assignment(
    description="Predict the price of a flat.",
    kind="regression",
    target="price",
    metric=METRIC,
    submission=SubmissionFormat(id_column="id", columns=("price",), classes=("cheap", "dear")),
    profile=TableProfile(
        train_rows=1203,
        test_rows=407,
        columns=(COLUMN, COLUMN.model_copy(update={"name": "district", "kind": "categorical"})),
        target=TARGET,
        class_shares=(0.7, 0.3),
        sample_rows="id,area,district,price\n1,91.5,North,5000",
        other_files=("streets.csv",),
        columns_left_out=13,
    ),
    scoring="graded",
    script_seconds=12.75,
    threads=3,
    libraries=("numpy 2.4", "lightgbm 4.7"),
    seed=77,
)
GOALS = (
    Goal(target_agent_phase="refinement", focus="encoding", priority=2, rationale="Districts are many."),
    Goal(target_agent_phase="refinement", focus="bagging", priority=5, rationale="Spread is large."),
)
OUTCOMES = (
    refinement.PlanOutcome(focus="bagging", plan="Average five seeds.", score=3.25, gain=0.5, seconds=44, fault="slow"),
    refinement.PlanOutcome(
        focus="encoding", plan="Count districts.", score=None, gain=None, seconds=2, fault="KeyError"
    ),
)
COMPONENTS = (
    refinement.StudiedComponent(component="scaling", change="left out", gain=-0.125),
    refinement.StudiedComponent(component="imputation", change="by zero", gain=None),
)
SCORED = (
    ensemble.ScoredScript(source=SCRIPT, score=11.5, seconds=3.25),
    ensemble.ScoredScript(source=SCRIPT.replace("mean", "median"), score=12.25, seconds=17),
)
IDEA = ModelIdea(
    name="LightGBM",
    description="Boosted trees.",
    example_code="import lightgbm as lgb",
    sources=("https://example.org/lgb",),
)

SPECIMENS: tuple[Question[Any], ...] = (
    initialization.SummarizeTask(assignment=ASSIGNMENT),
    initialization.RetrieveModels(
        assignment=ASSIGNMENT, summary="Prices of flats.", count=4, goals=GOALS, taken=("Ridge", "SVR")
    ),
    initialization.WriteCandidate(assignment=ASSIGNMENT, summary="Prices of flats.", idea=IDEA),
    initialization.MergeScripts(assignment=ASSIGNMENT, base=SCRIPT, addition=SCRIPT.replace("mean", "median")),
    refinement.ProposeVariations(assignment=ASSIGNMENT, script=SCRIPT, studied=COMPONENTS, count=6),
    refinement.SummarizeAblation(assignment=ASSIGNMENT, script=SCRIPT, baseline_score=8.5, components=COMPONENTS),
    refinement.ChooseTarget(
        assignment=ASSIGNMENT,
        script=SCRIPT,
        score=8.5,
        ablation_summary="Scaling matters.",
        components=COMPONENTS,
        goals=GOALS,
        earlier=OUTCOMES,
    ),
    refinement.PlanBlock(
        assignment=ASSIGNMENT,
        script=SCRIPT,
        block=BLOCK,
        score=8.5,
        goals=GOALS,
        earlier=OUTCOMES,
        tried=("bagging: Average five seeds.",),
    ),
    refinement.WriteBlock(
        assignment=ASSIGNMENT, script=SCRIPT, block=BLOCK, focus="encoding", plan="Take the median of each district."
    ),
    ensemble.PlanEnsemble(assignment=ASSIGNMENT, scripts=SCORED, goal=GOALS[0], earlier=OUTCOMES),
    ensemble.WriteEnsemble(assignment=ASSIGNMENT, scripts=SCORED, focus="stacking", plan="Stack them."),
    review.RepairScript(assignment=ASSIGNMENT, script=SCRIPT, error="KeyError: 'price'"),
    review.FindLeakage(assignment=ASSIGNMENT, script=SCRIPT),
    review.MendLeakage(assignment=ASSIGNMENT, script=SCRIPT, block=BLOCK, reason="It sees held-out rows."),
    review.CheckDataUse(assignment=ASSIGNMENT, script=SCRIPT),
    review.UseMoreData(assignment=ASSIGNMENT, script=SCRIPT, unused="streets.csv"),
    submission.ApplySubmissionGoal(assignment=ASSIGNMENT, script=SCRIPT, goal=GOALS[0]),
    submission.WriteSubmission(assignment=ASSIGNMENT, script=SCRIPT),
    enhancement.AdviseNextRun(
        digest='{"runs": []}',
        metric=METRIC,
        adjustable=(enhancement.Adjustable(name="inner_loop_round", current=2, allowed="1-8"),),
        run_number=3,
        runs_left=9,
    ),
)
