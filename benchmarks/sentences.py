"""The words of generated sentences beside those of people: python benchmarks/sentences.py DATASET [--people FILE...].

DATASET is a data set folder (`locate3d scenes generate`), FILE an annotation file of people's referring expressions
(L3DD, ScanRefer, NR3D, …: docs/datasets.md). Of both, aggregate figures alone are printed, never a sentence: a table on
stderr, one JSON object on stdout. Nouns, colours and relations are those that the request grammar reads, so that
both are counted by the same rule; `not_read` is the share of sentences in which it finds no structure although they
are longer than a noun phrase.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from common import commit, log

from locate3d_ros.data.annotations import GroundedExpression
from locate3d_ros.data.annotations.read import read_annotations
from locate3d_ros.data.dataset_folder import DatasetFolder
from locate3d_ros.evaluation.questions import read_questions
from locate3d_ros.localization.query import Query, parse

SAMPLE = 400  # sentences that a vocabulary is counted in, and words that a type/token ratio is
DRAWS = 20
MOST_WORDS = 200
LENGTHS = ((1, 2), (3, 4), (5, 6), (7, 9), (10, 14), (15, 1000))  # words
LONG_PHRASE = 5  # words: longer than "the large brown wooden table"
ARTICLES = {"the", "a", "an"}

T = TypeVar("T")


@dataclass(frozen=True)
class Corpus:
    """Sentences of one source, what the grammar reads in them, and how many objects could be taken for the target."""

    name: str
    expressions: Sequence[GroundedExpression]
    queries: Sequence[Query]
    distractors: Sequence[int]  # empty where the source does not say

    def words(self) -> list[list[str]]:
        """Return the words of every sentence in lower case, punctuation left out."""
        return [[w for w in map(_bare, one.text.lower().split()) if w] for one in self.expressions]


def corpus(name: str, expressions: Sequence[GroundedExpression], distractors: Sequence[int] = ()) -> Corpus:
    """Read the sentences with the request grammar."""
    return Corpus(name, expressions, [parse(one.text) for one in expressions], distractors)


def figures(of: Corpus) -> dict[str, object]:
    """Return everything that is compared."""
    words = of.words()
    lengths = [len(each) for each in words]
    return {
        "sentences": len(words),
        "words_mean": statistics.mean(lengths),
        "words_median": statistics.median(lengths),
        "words_p90": sorted(lengths)[len(lengths) * 9 // 10],
        "lengths": {_range(a, b): _share(a <= n <= b for n in lengths) for a, b in LENGTHS},
        "distinct": len({" ".join(each) for each in words}) / len(words),
        "vocabulary": _drawn(words, SAMPLE, lambda some: len({w for each in some for w in each})),
        "type_token": _drawn([w for each in words for w in each], SAMPLE, lambda some: len(set(some)) / len(some)),
        **_words_by_sort(of, sum(lengths)),
        **_sentences_by_sort(of, words),
        "relations": _relations(of),
        "objects": statistics.mean(len({i for s in one.spans for i in s.object_ids}) for one in of.expressions),
        "targets": statistics.mean(len(one.target_ids) for one in of.expressions),
        "distractors": statistics.mean(of.distractors) if of.distractors else None,
    }


def _words_by_sort(of: Corpus, words: int) -> dict[str, object]:
    """Return shares of all words."""
    phrases = [phrase for query in of.queries for phrase in (query.target, *query.anchors)]
    return {
        "nouns": sum(len(p.head.split()) for p in phrases if not p.is_generic) / words,
        "distinct_nouns": _drawn([p.head for p in phrases], SAMPLE, lambda some: len(set(some))),
        "colours": sum(len(colour.split()) for p in phrases for colour in p.colours) / words,
        "articles": sum(w in ARTICLES for each in of.words() for w in each) / words,
    }


def _sentences_by_sort(of: Corpus, words: Sequence[Sequence[str]]) -> dict[str, object]:
    queries = of.queries
    return {
        "with_colour": _share(any(p.colours for p in (q.target, *q.anchors)) for q in queries),
        "with_size": _share(any(p.size_words for p in (q.target, *q.anchors)) for q in queries),
        "with_material": _share(any(p.materials for p in (q.target, *q.anchors)) for q in queries),
        "with_article": _share(bool(ARTICLES & set(each)) for each in words),
        "with_is": _share("is" in each for each in words),
        "with_relation": _share(bool(q.all_relations) for q in queries),
        "several_relations": _share(len(q.all_relations) > 1 for q in queries),
        "target_first": _share(_target_first(one) for one in of.expressions if one.spans and one.target_ids),
        "not_read": _share(not q.all_relations and len(q.target.head.split()) >= LONG_PHRASE for q in queries),
    }


def _relations(of: Corpus) -> dict[str, float]:
    """Return how often each relation is meant, of all relations."""
    counts = Counter(r.kind.value for query in of.queries for r in query.all_relations)
    total = max(1, sum(counts.values()))
    return {kind: count / total for kind, count in counts.most_common()}


def _target_first(expression: GroundedExpression) -> bool:
    first = min(expression.spans, key=lambda span: min(span.tokens))
    return bool(set(first.object_ids) & set(expression.target_ids))


def _drawn(items: Sequence[T], count: int, figure: Callable[[list[T]], float]) -> float | None:
    """Return the mean of a figure over draws of equal size, for it grows with the number of items otherwise."""
    if len(items) < count:
        return None
    rng = random.Random(0)
    return statistics.mean(figure(rng.sample(items, count)) for _ in range(DRAWS))


def _share(holds: Iterable[bool]) -> float:
    """Return the share of what holds; 0 of nothing."""
    told = list(holds)
    return sum(told) / max(1, len(told))


def _range(low: int, high: int) -> str:
    return f"{low} or more" if high > MOST_WORDS else f"{low} to {high}"


def _bare(word: str) -> str:
    return word.strip(".,;:!?\"'()")


def table(columns: dict[str, dict[str, object]]) -> str:
    """Lay the figures out, a row each; a share is a percentage."""
    flat = {name: dict(_flat(of)) for name, of in columns.items()}
    rows = list(dict.fromkeys(row for of in flat.values() for row in of))
    lines = [["", *columns], *([row, *(_shown(of.get(row, 0.0)) for of in flat.values())] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(f"{cell:>{w}}" for cell, w in zip(line, widths, strict=True)) for line in lines)


def _flat(of: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in of.items():
        if isinstance(value, dict):
            yield from ((f"{name}: {key}", each) for key, each in value.items())
        else:
            yield name, value


def _shown(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _of_dataset(path: Path, split: str | None) -> Corpus:
    dataset = DatasetFolder(path)
    split = split or dataset.splits()[0]
    asked = [question for each in read_questions(dataset, split).values() for question in each]
    others = [question.distractors for question in asked if question.present]
    return corpus(f"{path.name} ({split})", dataset.expressions(split), others)


def main() -> None:
    """Read both and print what they are like."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("dataset", type=Path, help="a data set folder of generated sentences")
    options.add_argument("--split", help="its sentences; without it the first split's")
    options.add_argument("--people", type=Path, nargs="*", default=[], help="files of people's referring expressions")
    asked = options.parse_args()
    read = [_of_dataset(asked.dataset, asked.split)]
    read += [corpus(path.stem, read_annotations(path).expressions) for path in asked.people]
    columns = {each.name: figures(each) for each in read}
    log(table(columns))
    print(json.dumps({"benchmark": "sentences", "commit": commit(), "corpora": columns}))


if __name__ == "__main__":
    main()
