"""Small records that the tests of tracking share."""

from __future__ import annotations

from pathlib import Path

from mlestar.events import Answered, Event, Executed, Kept, PhaseEnded, PhaseStarted, Scope, Tried, Usage
from mlestar.records.run import Brief, Cost, RunRecord
from mlestar.records.settings import Settings
from mlestar.records.solution import (
    Ablation,
    Attempt,
    Candidate,
    Execution,
    ModelIdea,
    Plan,
    Refinement,
    Script,
    Solution,
    Submission,
    Trial,
    Variant,
)
from mlestar.records.strategy import Goal, Strategy
from mlestar.records.task import (
    Assignment,
    ColumnProfile,
    Metric,
    SubmissionFormat,
    TableProfile,
    Task,
    Validation,
)

RMSE = Metric(name="rmse", direction="minimize", needs="values")
START = 1_760_000_000.0


def a_task(folder: Path, metric: Metric = RMSE, name: str = "houses") -> Task:
    """A regression task whose two tables lie in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.joinpath("train.csv").write_text("size,price\n1,10\n2,20\n3,30\n")
    folder.joinpath("test.csv").write_text("size\n4\n5\n")
    size = ColumnProfile(name="size", kind="numeric", missing_share=0, unique_count=3)
    price = ColumnProfile(name="price", kind="numeric", missing_share=0, unique_count=3)
    return Task(
        name=name,
        description="Predict the price.",
        kind="regression",
        target="price",
        metric=metric,
        validation=Validation(kind="holdout"),
        submission=SubmissionFormat(id_column=None, columns=("price",)),
        folder=folder,
        profile=TableProfile(train_rows=3, test_rows=2, columns=(size,), target=price),
        digest="d1",
    )


def a_brief(task: Task, run_id: str = "run_0", study_id: str = "s", **changes: object) -> Brief:
    """A brief with default settings."""
    assignment = Assignment(
        description=task.description,
        kind=task.kind,
        target=task.target,
        metric=task.metric,
        submission=task.submission,
        profile=task.profile,
        scoring="graded",
        script_seconds=60,
        threads=1,
        libraries=(),
        seed=42,
    )
    brief = Brief(run_id=run_id, study_id=study_id, task=task, assignment=assignment, settings=Settings())
    return brief.model_copy(update=changes)


def a_strategy() -> Strategy:
    """Advice that changes one setting and sets one goal."""
    goal = Goal(target_agent_phase="refinement", focus="feature_engineering", priority=1, rationale="It helped.")
    return Strategy(
        strategic_summary="Refine longer.", config_overrides={"inner_loop_round": 3}, strategic_goals=(goal,)
    )


def an_execution(seconds: float = 2.0, **changes: object) -> Execution:
    """A successful execution."""
    execution = Execution(status="ok", seconds=seconds, returncode=0, stdout_tail="done", started_at=START)
    return execution.model_copy(update=changes)


def a_trial(name: str, score: float | None) -> Trial:
    """A trial of a script that only says its name; without a score it failed."""
    script = Script(source=f"# {name}\nprint({name!r})\n")
    if score is None:
        failed = an_execution(status="failed", fault="ValueError: no", returncode=1, stderr_tail="Traceback …")
        return Trial(script=script, executions=(failed,), fault="ValueError: no")
    return Trial(script=script, executions=(an_execution(),), score=score)


def a_record(brief: Brief, best_score: float = 1.0, folder: Path | None = None, **changes: object) -> RunRecord:
    """A finished run: one solution of two candidates, one refinement, one ensemble, a submission."""
    first, second = a_trial("init_1", best_score + 2), a_trial("init_2", None)
    ablation = Ablation(
        baseline=first,
        variants=(
            Variant(component="scaler", change="removed", trial=a_trial("no_scaler", best_score + 4), gain=-2.0),
            Variant(component="log target", change="removed", trial=a_trial("no_log", best_score + 2.5), gain=-0.5),
        ),
        summary="The scaler matters most.",
    )
    better = a_trial("improve_0", best_score + 1)
    attempt = Attempt(plan=Plan(focus="feature_engineering", description="Add ratios."), trial=better, gain=1.0)
    solution = Solution(
        number=1,
        candidates=(
            Candidate(idea=ModelIdea(name="LightGBM"), trial=first),
            Candidate(idea=ModelIdea(name="Ridge"), trial=second),
        ),
        initial=first,
        refinements=(Refinement(ablation=ablation, attempts=(attempt,)),),
        best=better,
    )
    winner = a_trial("ensemble_0", best_score)
    combined = Attempt(plan=Plan(focus="weighted_averaging", description="Weigh them."), trial=winner, gain=1.0)
    final = an_execution(folder=folder, files=("final/submission.csv",))
    record = RunRecord(
        brief=brief,
        status="finished",
        solutions=(solution,),
        ensembles=(combined,),
        submission=Submission(trial=winner, execution=final),
        best=winner,
        audit_score=best_score + 0.1,
        cost=Cost(calls=4, tokens_in=100, tokens_out=50, usd=0.01, executions=6, execution_seconds=12, failures=1),
        seconds=30.0,
        started_at=START,
        phase_seconds={"initialization": 10.0, "refinement": 12.0, "ensemble": 6.0, "submission": 2.0},
    )
    return record.model_copy(update=changes)


def events_of(best_score: float = 1.0) -> list[Event]:
    """What the run of `a_record` notes, in short."""
    scores = {"1/init_code_1.py": ("init_1", best_score + 2), "1/init_code_2.py": ("init_2", None)}
    events: list[Event] = [PhaseStarted(phase="initialization", at=START)]
    for label, (name, score) in scores.items():
        where = Scope(phase="initialization", solution=1, label=label)
        trial = a_trial(name, score)
        usage = Usage(model="m", tokens_in=25, tokens_out=10, usd=0.0025)
        events += [
            Answered(
                question="WriteInitialCode",
                scope=where,
                prompt="Write it.",
                answer="```python\n…\n```",
                usage=usage,
                started_at=START + 1,
                seconds=2,
            ),
            Executed(scope=where, view="fold_0", script_digest=trial.script.digest, execution=trial.executions[0]),
            Tried(scope=where, trial=trial, best_score=best_score + 2, at=START + 5),
        ]
    events.append(PhaseEnded(phase="initialization", seconds=10, best_score=best_score + 2, at=START + 10))
    events.append(Kept(path="1/ablation_0.md", text="| component | gain |\n|---|---|\n| scaler | -2 |\n"))
    where = Scope(phase="ensemble", label="ensemble/ensemble0.py")
    events.append(Tried(scope=where, trial=a_trial("ensemble_0", best_score), best_score=best_score, at=START + 20))
    return events
