"""The sections on the experiments around the models: ablations, search, and the readings of λ."""

from html import escape

from eigenmlp.study.report.analysis import MUCH, SLIGHT, has_penalty_inside
from eigenmlp.study.report.experiment_tables import (
    ablation_table,
    noise_table,
    note1_table,
    question_table,
    search_table,
)
from eigenmlp.study.report.figures import loss_figure, readings_figure
from eigenmlp.study.report.findings import about_lambda, about_noise, about_question
from eigenmlp.study.report.markup import paragraph
from eigenmlp.study.report.page import Page, Section
from eigenmlp.study.report.score_figures import noise_figure, search_figure
from eigenmlp.study.study import FIGURES, MODELS, QUESTION_FIGURES, SEARCH, Figure

__all__ = [
    "ablations_section",
    "lambda_section",
    "noise_section",
    "questions_section",
    "search_section",
]

READINGS = (
    ("M1, with both readings of λ", "m1", "note1-undivided"),
    ("M2, with both readings of λ", "note1-m2-divided", "m2"),
)


def ablations_section(page: Page) -> Section | None:
    """Show each improvement of M0 by itself."""
    study = page.study
    wanted = [figure for figure in FIGURES if figure.name in study.groups]
    if not wanted:
        return None
    parts = [
        paragraph(
            "M0 with one improvement at a time. Training is solid, validation dashed, and a star "
            "marks the epoch of the lowest validation loss. The loss axis is logarithmic where "
            "the curves span more than a decade. In full batch the training loss of an epoch is "
            "taken before its update, as in the report; in mini-batches it is that of the whole "
            "training set after the epoch."
        )
    ]
    for figure in wanted:
        penalised = has_penalty_inside(figure.runs)
        number = figure.name.removeprefix("fig")
        parts += [
            f'<h3 id="{figure.name}">Figure {number}. {escape(figure.title)}</h3>',
            _losses(page, figure, penalised=penalised),
            ablation_table(study, figure.runs).html(),
        ]
    return Section("ablations", "Ablations: M0 plus one improvement", parts)


def questions_section(page: Page) -> Section | None:
    """Show what later editions of the assignment ask: M1 plus one change."""
    wanted = [figure for figure in QUESTION_FIGURES if figure.name in page.study.groups]
    if not wanted:
        return None
    parts = [
        paragraph(
            "What later editions of the assignment ask for, each as M1 plus one change; the report "
            "has none of it. Losses are cross-entropies without penalty and without smoothing, "
            "accuracies those of the last weights. The ± of a difference is its standard error "
            "over the test images, and a difference is clear beyond two of them; what another seed "
            "would change is seen with several seeds. Early stopping ends each run by its own "
            "losses, so a change of M1 may also be one of how long it trains."
        )
    ]
    for figure in wanted:
        parts += [
            f'<h3 id="{figure.name}">{escape(figure.title)}</h3>',
            _losses(page, figure, apart=True),
            question_table(page.data, page.study, figure.runs).html(),
            paragraph(about_question(page.data, page.study, figure.runs)),
        ]
    return Section("questions", "Later questions: M1 plus one change", parts)


def noise_section(page: Page) -> Section | None:
    """Show how accuracy falls as the test images become noisy."""
    study = page.study
    if "noise" not in study.groups or not any(model.run in study.runs for model in MODELS):
        return None
    return Section(
        "noise",
        "Accuracy under noise",
        [
            paragraph(
                "The models read the test images again, with normal noise added to every pixel. "
                "Its standard deviation σ is in units of the pixels' range; sums are not clipped "
                "to it. All models meet the same noise, and none was trained on any. They have "
                "the weights of the last epoch."
            ),
            page.plot(
                "noise",
                noise_figure(study),
                alt="Test accuracy of M0 to M4 against the noise's standard deviation",
                caption="A line goes through the mean of the seeds, where there are several.",
            ),
            noise_table(study).html(),
            paragraph(about_noise(study)),
        ],
    )


def _losses(page: Page, figure: Figure, *, penalised: bool = False, apart: bool = False) -> str:
    return page.plot(
        figure.name,
        loss_figure(page.study, figure.runs, penalised=penalised, apart=apart),
        alt=f"Training and validation loss against epochs: {figure.title}",
        caption=figure.caption
        + (" As in the report, the loss includes the penalty." if penalised else ""),
    )


def search_section(page: Page) -> Section | None:
    """Show the search for M3 in its order."""
    study = page.study
    if "search" not in study.groups:
        return None
    finished = [name for name in ("m2", *(s.run for s in SEARCH)) if name in study.runs]
    parts = [
        paragraph(
            "M2 with other hidden layers, in the order the report tried them, each judged by its "
            "best validation loss against the step before. Our verdicts follow one rule: up to "
            f"{SLIGHT:.0%} is no change, more than {MUCH:.0%} is much."
        ),
        search_table(study).html(),
    ]
    if finished:
        parts.append(
            page.plot(
                "search",
                search_figure(study, finished),
                alt="Best validation loss of each step of the search",
                caption="The search from top to bottom; further left is better.",
            )
        )
    parts.append(
        paragraph("M4 = (1000, 1000, 1000) is not a step of it: the deepest that still overfits.")
    )
    return Section("search", "The search for M3 and M4", parts)


def lambda_section(page: Page) -> Section | None:
    """Show what the two readings of λ do."""
    study = page.study
    if "note1" not in study.groups:
        return None
    texts, conclusion = about_lambda(page.data, study)
    parts = [
        paragraph(
            "M1 and M2 both say λ = 0.01, and mean different things. M1's own code divides λ by "
            "the batch size, as scikit-learn's alpha does: its gradient adds (λ/64) W. M2 ran as "
            "PyTorch's weight_decay: its gradient adds λW, undivided, and λb to the biases too. "
            "So M2 is not M1 in another library: it is regularised 64 times harder. The report "
            "puts the gap between them (0.6680 and 0.5740) down to PyTorch being a professional "
            "library."
        ),
        paragraph(
            "Here the same code trains both, and each row below changes one thing. Accuracies "
            "are those of the last weights. The ± of a difference is its standard error over the "
            "test images, and a difference is clear beyond two of them; what another seed would "
            "change is seen with several seeds."
        ),
        note1_table(page.data, study).html(),
    ]
    if any(name in study.runs for _, *pair in READINGS for name in pair):
        parts.append(
            page.plot(
                "note1",
                readings_figure(study, READINGS),
                alt="Loss of M1 and of M2 with λ divided by the batch size and undivided",
                caption="Cross-entropy, without penalty.",
            )
        )
    parts += [*map(paragraph, texts), paragraph(conclusion, "conclusion")]
    return Section("lambda", "The two readings of λ", parts)
