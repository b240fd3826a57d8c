"""The training loop: batches in, steps of the optimizer out; resumable to the bit on one machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from locate3d_ros.errors import InputError
from locate3d_ros.training.averaging import AveragedState
from locate3d_ros.training.config import TrainingConfig
from locate3d_ros.training.journal import Journal
from locate3d_ros.training.processes import fill, rank, shard, total, whole, world, wrap
from locate3d_ros.training.run_folder import RunFolder
from locate3d_ros.training.schedule import Schedule
from locate3d_ros.training.stream import ChunkStream
from locate3d_ros.training.task import Batch, Task


@dataclass(frozen=True)
class Passes:
    """How a step's scenes are spread over processes and passes."""

    scenes: int  # of each pass of each process
    count: int  # passes of each process

    @classmethod
    def of(cls, config: TrainingConfig) -> Passes:
        """Spread the batch evenly. Raises InputError where it does not fit."""
        batch, passes = config.data.batch, config.data.accumulation
        if batch % (passes * world()):
            raise InputError(
                f"batch = {batch}: not a multiple of {world()} processes times accumulation = {passes}; change one"
            )
        return cls(batch // (passes * world()), passes)


class Trainer:
    """Trains a task on a stream of samples."""

    def __init__(
        self, task: Task, stream: ChunkStream[Any, Any], config: TrainingConfig, folder: RunFolder, device: torch.device
    ) -> None:
        """Take everything; nothing is read or written before `run`."""
        self._task, self._stream, self._config = task, stream, config
        self._folder, self._device = folder, device
        self._passes = Passes.of(config)
        self.schedule = Schedule(config.schedule, max(1, -(-stream.chunks // config.data.batch)))
        self.step = 0
        task.module.to(device)
        shard(task.module, config.run.strategy, device)
        self._frozen = False
        self._optimizer = self._make_optimizer()
        self._wrapped = task.module
        self._set_frozen(self.schedule.at(0).frozen, again=True)
        self._average = AveragedState(task.module, config.schedule.ema)

    def run(self, last: int) -> None:
        """Train until `last` steps are done in all, saving on the way and at the end."""
        with Journal(self._folder, self.step, last, writes=rank() == 0) as journal:
            batches = self._batches(last)
            while self.step < last:
                terms = self._one_step([next(batches) for _ in range(self._passes.count)])
                validated = self._validated()
                log = self.step % self._config.run.log_every == 0 or self.step == last or bool(validated)
                journal.step(self.step, validated | terms, log=log, tell=bool(validated))
                if self.step % self._config.run.save_every == 0 and self.step < last:
                    self.save()
        self.save()

    def resume(self) -> None:
        """Take up the folder's state. Raises InputError where it is damaged or of another model."""
        state = self._folder.load_state()
        self.step = int(state["step"])
        self._folder.forget_metrics_from(self.step) if rank() == 0 else None
        try:
            for name, tensor in self._task.module.state_dict().items():
                fill(tensor, state["module"][name])
            for name, tensor in self._average.tensors.items():
                fill(tensor, state["average"][name])
            self._restore_optimizer(state["optimizer"])
        except (KeyError, RuntimeError) as error:
            raise InputError(f"{self._folder.path}: state of another model ({error}); start the run again") from None
        self._average.updates = int(state["average_updates"])
        self._set_frozen(self.schedule.at(self.step).frozen, again=True)

    def save(self) -> None:
        """Write the state and the model of the averaged weights (all processes must call)."""
        module, average = self._states()
        optimizer = self._optimizer_state()
        if rank() != 0:
            return
        self._folder.save_state(
            {
                "step": self.step,
                "module": module,
                "average": average,
                "average_updates": self._average.updates,
                "optimizer": optimizer,
            }
        )
        self._task.export(self._folder, {**module, **average})

    def _states(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the module's state and the averaged one, whole (all processes must call)."""
        module = {name: whole(tensor) for name, tensor in self._task.module.state_dict().items()}
        return module, {name: whole(tensor) for name, tensor in self._average.tensors.items()}

    def _validated(self) -> dict[str, float]:
        """Measure the averaged weights where it is time to, and keep them where they are the best so far."""
        every = self._config.validation.validate_every
        if not every or self.step % every:
            return {}
        module, average = self._states()
        state = {**module, **average}
        figures = self._task.validate(state)
        if rank() == 0 and self._folder.is_best(figures):
            self._task.export(self._folder.best, state)
            self._folder.note_best(self.step, figures)
        return figures

    def _one_step(self, samples: Sequence[list[Any]]) -> dict[str, float]:
        # Each step draws from its own seed, so that nothing of the generator's state has to be kept.
        torch.manual_seed((self._config.run.seed * 1_000_003 + self.step) * 4096 + rank())
        rates = self.schedule.at(self.step)
        self._set_frozen(rates.frozen)
        self._task.module.train()
        self._task.prepare(self.step)
        for group in self._optimizer.param_groups:
            group["lr"] = rates.encoder if group["encoder"] else rates.decoder
        batches = [self._task.batch(each, self.step) for each in samples]
        normaliser = max(1.0, total(float(sum(batch.count for batch in batches)), self._device))
        terms: dict[str, float] = {}
        self._optimizer.zero_grad(set_to_none=True)
        for place, batch in enumerate(batches):
            for name, value in self._pass(batch, normaliser, place == len(batches) - 1).items():
                terms[name] = terms.get(name, 0.0) + value
        norm = self._clip()
        self._optimizer.step()
        self._average.update(self._task.module)
        after = self._task.after_step(self.step, self.schedule)
        self.step += 1
        return {**terms, "gradient": norm, "rate": rates.decoder, **after}

    def _pass(self, batch: Batch, normaliser: float, last: bool) -> dict[str, float]:
        """Add one pass's gradients; processes exchange them with the last pass."""
        # Wrappers average over the processes; the loss is to be their sum.
        scale = float(world())
        with self._unsynchronised() if not last else nullcontext():
            with self._precision():
                loss, terms = self._wrapped(batch, normaliser)
            self._require_finite(loss, batch)
            (loss * scale).backward()
        summed = {"loss": loss.detach(), **terms}
        return {name: total(float(value), self._device) for name, value in summed.items()}

    def _require_finite(self, loss: Tensor, batch: Batch) -> None:
        broken = not bool(torch.isfinite(loss.detach()).all())
        if total(float(broken), self._device) > 0:
            named = f"in {', '.join(batch.names)}" if broken else "in another process's scenes"
            raise InputError(
                f"step {self.step}: the loss is not finite {named}; look at these scenes, or lower learning_rate. "
                "The last checkpoint is kept"
            )

    def _precision(self) -> AbstractContextManager[object]:
        if self._config.run.train_precision == "float32":
            return nullcontext()
        return torch.autocast(self._device.type, torch.bfloat16)

    def _unsynchronised(self) -> AbstractContextManager[object]:
        no_sync = getattr(self._wrapped, "no_sync", None)
        return no_sync() if no_sync is not None else nullcontext()

    def _clip(self) -> float:
        trained = [p for p in self._task.module.parameters() if p.grad is not None]
        norm: Any = nn.utils.clip_grad_norm_(trained, self._config.schedule.clip)
        return float(whole(norm))

    def _set_frozen(self, frozen: bool, again: bool = False) -> None:
        """Freeze or free the encoder; DDP must be told anew what learns."""
        if frozen == self._frozen and not again:
            return
        self._frozen = frozen
        for parameter in self._task.encoder_parameters():
            parameter.requires_grad_(not frozen)
            parameter.grad = None
        self._wrapped = wrap(self._task.module, self._config.run.strategy, self._device)

    def _make_optimizer(self) -> torch.optim.Optimizer:
        """Make AdamW over four groups: encoder or not, with weight decay (matrices) or without."""
        ours = {id(parameter) for parameter in self._task.encoder_parameters()}
        groups = []
        for encoder in (False, True):
            for decays in (True, False):
                members = [
                    p
                    for p in self._task.module.parameters()
                    if p.requires_grad and (id(p) in ours) == encoder and (p.ndim > 1) == decays
                ]
                decay = self._config.schedule.weight_decay if decays else 0.0
                if members:
                    groups.append({"params": members, "encoder": encoder, "weight_decay": decay})
        return torch.optim.AdamW(groups, lr=self._config.schedule.learning_rate)

    def _named_state(self) -> Iterator[tuple[str, dict[str, Tensor]]]:
        for name, parameter in self._task.module.named_parameters():
            if parameter in self._optimizer.state:
                yield name, self._optimizer.state[parameter]

    def _optimizer_state(self) -> dict[str, dict[str, Tensor]]:
        return {name: {key: whole(value) for key, value in own.items()} for name, own in self._named_state()}

    def _restore_optimizer(self, state: dict[str, dict[str, Tensor]]) -> None:
        for name, parameter in self._task.module.named_parameters():
            if name not in state:
                continue
            own = self._optimizer.state[parameter]
            for key, value in state[name].items():
                own[key] = value.clone() if key == "step" else torch.zeros_like(parameter)
                fill(own[key], value)

    def _batches(self, last: int) -> Iterator[list[Any]]:
        """Load this process's share of every step's scenes, in order."""
        batch, each = self._config.data.batch, self._passes.scenes
        positions = [
            step * batch + (place * world() + rank()) * each + scene
            for step in range(self.step, last)
            for place in range(self._passes.count)
            for scene in range(each)
        ]
        workers = self._config.data.workers
        context = "spawn" if workers else None  # a forked process would inherit torch's threads in any state
        return iter(
            DataLoader(
                self._stream,
                batch_size=each,
                sampler=positions,
                num_workers=workers,
                collate_fn=list,
                multiprocessing_context=context,
            )
        )
