from __future__ import annotations

import pytest

from mlestar.tasks.words import metrics_mentioned


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Metric: root mean squared error (RMSE), lower is better.", "rmse"),
        (
            "Metric: root mean squared error between the logarithm of the predicted price and the logarithm of the "
            "observed price (RMSLE-like), lower is better.",
            "rmsle",
        ),
        ("Submissions are evaluated on Root-Mean-Squared-Error (RMSE) between the logarithm of the two.", "rmsle"),
        ("The evaluation metric is the Root Mean Squared Logarithmic Error.", "rmsle"),
        ("evaluated on area under the ROC curve between the predicted probability and the target", "roc_auc"),
        ("Submissions are scored by ROC-AUC.", "roc_auc"),
        ("Submissions are evaluated using the multi-class logarithmic loss.", "log_loss"),
        ("Metric: log-loss of the probabilities", "log_loss"),
        ("Metric: mean absolute percentage error", "mape"),
        ("Metric: SMAPE", "smape"),
        ("scored based on the quadratic weighted kappa, which measures agreement", "quadratic_kappa"),
        ("Metric: macro F1", "f1_macro"),
        ("Metric: F1 score, macro-averaged", "f1_macro"),
        ("Evaluation: the F1 score between predicted and actual", "f1"),
        ("Metric: balanced accuracy", "balanced_accuracy"),
        ("Your score is the percentage of passengers you correctly predict. This is known as accuracy.", "accuracy"),
        ("Metric: R²", "r2"),
        ("Metric: R2 score", "r2"),
        ("Evaluation: Spearman's rank correlation", "spearman"),
        ("Metric: average precision (area under the precision-recall curve)", "pr_auc"),
        ("Metric: Matthews correlation coefficient", "mcc"),
        ("Metric: median absolute error", "medae"),
        ("Metric: mean absolute error", "mae"),
        ("Metric: mean squared error", "mse"),
    ],
)
def test_a_metric_is_read_out_of_what_people_write(text: str, name: str) -> None:
    mention = metrics_mentioned(text)[0]
    assert (mention.name, mention.variant) == (name, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Evaluation: weighted mean absolute error (WMAE)", "weighted mean absolute error"),
        ("Evaluated by the mean average precision at 5", "mean average precision"),
        ("Metric: top-5 accuracy", "top-5 accuracy"),
        ("Metric: mean column-wise log loss", "column-wise log loss"),
        ("Metric: normalized RMSE", "normalized RMSE"),
        ("Metric: partial AUC above 80 %", "partial AUC"),
    ],
)
def test_a_qualified_metric_is_not_taken_for_the_plain_one(text: str, words: str) -> None:
    mention = metrics_mentioned(text)[0]
    assert (mention.variant, mention.words) == (True, words)


@pytest.mark.parametrize(
    "text",
    [
        "Metric: mean F1 score",
        "Metric: mean ROC AUC",
        "Metric: quadratic weighted kappa",
        "Metric: weighted F1",
        "Metric: normalized Gini coefficient",
    ],
)
def test_words_that_belong_to_a_known_metric_are_no_qualification(text: str) -> None:
    assert not metrics_mentioned(text)[0].variant


def test_what_is_said_of_scoring_counts_before_other_mentions() -> None:
    text = "A model with an accuracy of 80 % is known.\n\n## Evaluation\n\nWe use AUC.\n\n## Data\n\nmae: a column\n"
    assert [mention.name for mention in metrics_mentioned(text)] == ["roc_auc"]


def test_without_a_word_of_scoring_any_mention_counts() -> None:
    assert [mention.name for mention in metrics_mentioned("Minimise the RMSE of `y`.")] == ["rmse"]


@pytest.mark.parametrize("text", ["Predict the price.", "Rocks and maes; auction of r2d2", ""])
def test_other_words_are_no_metric(text: str) -> None:
    assert metrics_mentioned(text) == ()
