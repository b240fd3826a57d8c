"""One annotated sentence before it takes a form: as written, or as the published training and evaluation have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from locate3d_ros.data.annotations.grounded_expression import GroundedExpression, Span


@dataclass(frozen=True)
class Entity:
    """Some words, perhaps not in a row, and the objects that they mean."""

    tokens: tuple[int, ...]
    object_ids: tuple[int, ...]


@dataclass(frozen=True)
class Sample:
    """A sentence as its file has it; words may be empty where the writer left two spaces."""

    tokens: tuple[str, ...]
    entities: tuple[Entity, ...]
    target_id: int
    scene_id: str
    kind: str = ""  # a data set's own word; "": class or relation, by what the sentence mentions


@dataclass(frozen=True)
class CharacterSpans:
    """Where in the text one object is mentioned."""

    object_id: int
    spans: tuple[tuple[int, int], ...]  # start and end (exclusive) in characters


def as_written(sample: Sample) -> GroundedExpression:
    """Keep case and the annotated words; empty words are taken out."""
    place = {old: new for new, old in enumerate(i for i, token in enumerate(sample.tokens) if token)}
    tokens = tuple(sample.tokens[i] for i in place)
    spans = []
    for entity in sample.entities:
        words = tuple(place[i] for i in entity.tokens if i in place)
        if words:
            spans.append(Span(words, entity.object_ids))
    return _expression(sample, tokens, tuple(spans))


def as_published(sample: Sample) -> GroundedExpression:
    """Take the form of the published protocol, so that figures compare (MODEL_SPEC §13).

    Lower case; empty words stay; a span reaches from the first to the last of its words; every object has spans of its
    own, the target's first, the others' in the order in which the sentence names them.
    """
    mentions: dict[int, list[Span]] = {sample.target_id: []}
    for entity in sample.entities:
        words = tuple(range(min(entity.tokens), max(entity.tokens) + 1))
        for number in entity.object_ids:
            mentions.setdefault(number, []).append(Span(words, (number,)))
    spans = tuple(span for spans in mentions.values() for span in spans)
    return _expression(sample, tuple(token.lower() for token in sample.tokens), spans)


def character_spans(expression: GroundedExpression) -> tuple[CharacterSpans, ...]:
    """Return where each object is mentioned in `text`, in the order in which the spans name the objects.

    A span reaches from the start of its first to the end of its last word, as the published data loader has it.
    """
    starts, position = [], 0
    for token in expression.tokens:
        starts.append(position)
        position += len(token) + 1
    found: dict[int, list[tuple[int, int]]] = {}
    for span in expression.spans:
        first, last = min(span.tokens), max(span.tokens)
        place = (starts[first], starts[last] + len(expression.tokens[last]))
        for number in span.object_ids:
            found.setdefault(number, []).append(place)
    return tuple(CharacterSpans(number, tuple(places)) for number, places in found.items())


def find_words(tokens: Sequence[str], name: str, start: int = 0) -> tuple[int, ...]:
    """Return the indices of the first words from `start` on that are a name, up to case and marks; else ()."""
    wanted = name.lower().replace("_", " ").split()
    plain = [token.lower().strip(".,;:!?\"'()") for token in tokens]
    for i in range(start, len(plain) - len(wanted) + 1):
        if wanted and plain[i : i + len(wanted)] == wanted:
            return tuple(range(i, i + len(wanted)))
    return ()


def _expression(sample: Sample, tokens: tuple[str, ...], spans: tuple[Span, ...]) -> GroundedExpression:
    mentioned = {number for entity in sample.entities for number in entity.object_ids}
    kind = sample.kind or ("relation" if mentioned - {sample.target_id} else "class")
    return GroundedExpression(" ".join(tokens), tokens, spans, (sample.target_id,), sample.scene_id, kind)
