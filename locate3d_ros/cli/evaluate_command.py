"""`locate3d evaluate`: how often the answers about a data set's scenes are right."""

from __future__ import annotations

import sys

import torch

from locate3d_ros.cli.evaluate_arguments import EvaluateArguments
from locate3d_ros.cli.outputs import require_writable
from locate3d_ros.cli.tables import print_plain_table
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.errors import InputError
from locate3d_ros.evaluation.evaluate import Evaluation, EvaluationRequest, evaluate
from locate3d_ros.evaluation.report_page import evaluation_page
from locate3d_ros.evaluation.report_text import COLUMNS, evaluation_json, evaluation_markdown, summary_row
from locate3d_ros.files import write_file


def run_evaluate(arguments: EvaluateArguments) -> None:
    """Measure, write the reports and print the table. Raises InputError for wrong folders, splits and models."""
    for option in ("json", "markdown", "html"):
        require_writable(f"--{option}", getattr(arguments, option))
    if arguments.seed < 0:
        raise InputError(f"--seed {arguments.seed}: give 0 or more")
    if arguments.config.threads > 0:
        torch.set_num_threads(arguments.config.threads)
    request = EvaluationRequest(
        DatasetFolder(arguments.dataset),
        arguments.split,
        arguments.config,
        arguments.seed,
        baselines=not arguments.only_model,
        cache=arguments.cache,
    )
    evaluation = evaluate(request, _tell)
    _write(arguments, evaluation)
    model = evaluation.summaries[0]
    print_plain_table(
        f"{arguments.dataset}, split {evaluation.split}: {evaluation.scenes} scenes, {model.n} sentences, "
        f"{model.n - model.present} of them about absent things",
        COLUMNS,
        [summary_row(summary) for summary in evaluation.summaries],
    )


def _write(arguments: EvaluateArguments, evaluation: Evaluation) -> None:
    forms = (
        (arguments.json, evaluation_json),
        (arguments.markdown, evaluation_markdown),
        (arguments.html, evaluation_page),
    )
    for path, form in forms:
        if path is not None:
            write_file(path, form(evaluation).encode())


def _tell(line: str) -> None:
    sys.stderr.write(f"evaluating: {line}\n")
