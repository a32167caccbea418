"""The only bridge from Keras to the run folder. One job per callback."""

from __future__ import annotations

import json
import math
import time
from typing import Any, Literal

import keras

from core.backends import reseed
from core.checkpoint import Array, TrainingState, save_checkpoint
from core.errors import N_, RunError, text
from core.evaluation.decimate import Decimator
from core.failures import TOO_LONG
from core.feeding import Batches
from core.judging import Judges
from core.optimizers import last_rate
from core.paths import RunPaths, write_atomic
from core.records import Epoch, Progress, append_epoch, read_progress, write_progress
from core.signals import Reason, StopSignal

PROGRESS_SECONDS = 0.25
STEPS_SECONDS = 1.0
Logs = dict[str, float] | None


class Halted(Exception):  # noqa: N818 - not an error: somebody wanted it
    """Leaves ``fit`` at once; ``model.stop_training`` would first validate a partial epoch."""

    def __init__(self, reason: Reason | Literal["time", "epochs"]) -> None:
        super().__init__(reason)
        self.reason = reason


class Halt(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the training within one batch of the signal."""

    def __init__(self, signal: StopSignal) -> None:
        super().__init__()
        self._signal = signal

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._signal.reason:
            raise Halted(self._signal.reason)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.on_train_batch_end(batch)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """What the user stopped is still evaluated; without a server nobody waits for it."""
        if self._signal.reason == "server":
            raise Halted("server")


class NaNGuard(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends a training whose loss is no longer a number."""

    def __init__(self, learning_rate: float) -> None:
        super().__init__()
        self._learning_rate = learning_rate
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            raise self._diverged(
                N_("In epoch {epoch}, step {step}, the loss stopped being a finite number."),
                step=batch + 1,
            )

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """What the last step of an epoch did shows in the validation only."""
        if not math.isfinite((logs or {}).get("val_loss", 0.0)):
            raise self._diverged(
                N_("In epoch {epoch} the validation loss stopped being a finite number.")
            )

    def _diverged(self, msgid: str, **where: int) -> RunError:
        remedy = text(TOO_LONG, rate=float(f"{self._learning_rate / 10:.2g}"))
        return RunError(msgid, remedy=remedy, epoch=self._epoch, **where)


class TimeLimit(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends a training whose time is up, but not before its first epoch has ended: a network that
    has not seen every image once says nothing."""

    def __init__(self, seconds: float, state: TrainingState) -> None:
        """``state`` knows the time of all epochs in all lives of the run."""
        super().__init__()
        self._seconds = seconds
        self._state = state
        self._epoch_start = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch_start = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        taken = self._state.seconds + time.monotonic() - self._epoch_start
        if self._state.history and taken > self._seconds:
            raise Halted("time")


class EpochCap(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends a training that was queued before the server allowed so few epochs only."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if epoch >= self._most:
            raise Halted("epochs")


class EpochOrder(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells the batches which epoch's order to deal, and the backend whose numbers to draw."""

    def __init__(self, batches: Batches, seed: int, before: int = 0) -> None:
        """``before``: epochs of the runs that this one goes on from, whose orders are used up."""
        super().__init__()
        self._batches = batches
        self._seed = seed
        self._before = before

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._batches.epoch = self._before + epoch
        reseed(self._seed, self._before + epoch)


def _penalty(model: keras.Model) -> float | None:
    """What L1 and L2 add to the loss, by the weights as they are."""
    added = [float(keras.ops.convert_to_numpy(loss)) for loss in model.losses]
    return math.fsum(added) if added else None


class Reporter(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes one line per epoch, and several times a second where the training is."""

    def __init__(
        self,
        paths: RunPaths,
        state: TrainingState,
        epochs: int,
        images: int,
        *,
        longest: float = math.inf,
    ) -> None:
        """``longest``: seconds after which all epochs together are ended."""
        super().__init__()
        self._longest = longest
        self._paths = paths
        self._state = state
        self._epochs = epochs
        self._images = images
        self._curve = Decimator.from_json(state.steps)
        self._progress = Progress(epochs=epochs, epoch=state.epoch)
        self._last_progress = self._last_steps = 0.0
        self._epoch_start = self._train_end = 0.0

    def on_train_begin(self, logs: Logs = None) -> None:
        self._report(phase="training", force=True)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch_start = time.monotonic()
        self._train_end = 0.0
        steps = self.params["steps"] or 0
        self._report(phase="training", epoch=epoch + 1, step=0, steps=steps)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        values = logs or {}
        self._curve.add(self._state.epoch * self._progress.steps + batch + 1, values["loss"])
        if self._due(batch):
            self._report(
                step=batch + 1,
                loss=values["loss"],
                accuracy=values.get("accuracy"),
                images_per_second=self._speed(batch + 1),
                eta_seconds=self._eta(batch + 1),
            )

    def on_test_begin(self, logs: Logs = None) -> None:
        self._train_end = time.monotonic()
        self._report(phase="validating", step=self._progress.steps)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """A sign of life; short validations get by without a word of their own."""
        self._report()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        values = {k: float(v) for k, v in (logs or {}).items()}
        end = time.monotonic()
        line = Epoch(
            epoch=epoch + 1,
            learning_rate=last_rate(self.model.optimizer),
            seconds=end - self._epoch_start,
            images_per_second=self._images / ((self._train_end or end) - self._epoch_start),
            stage=self._state.stage,
            penalty=_penalty(self.model),
            **values,
        )
        append_epoch(self._paths, line)
        self._state.history.append(line)
        self._state.seconds += line.seconds
        self._state.steps = self._curve.to_json()
        self._write_steps()
        self._report(
            loss=line.loss,
            accuracy=line.accuracy,
            val_accuracy=line.val_accuracy,
            learning_rate=line.learning_rate,
            force=True,
        )

    def _due(self, batch: int) -> bool:
        return time.monotonic() - self._last_progress >= PROGRESS_SECONDS

    def _speed(self, step: int) -> float | None:
        """Images per second in this epoch; not in the first step, which compiles."""
        elapsed = time.monotonic() - self._epoch_start
        return self._images * step / max(1, self._progress.steps) / elapsed if step > 1 else None

    def _eta(self, step: int) -> float | None:
        """Seconds until the last epoch is over or time is up, from the mean of the last five
        epochs."""
        recent = self._state.history[-5:]
        done = step / max(1, self._progress.steps)
        here = time.monotonic() - self._epoch_start
        if not recent and step <= 1:
            return None
        epoch = sum(e.seconds for e in recent) / len(recent) if recent else here / done
        left = (self._epochs - self._state.epoch - done) * epoch
        # The first epoch is not cut short.
        least = 0 if recent else (1 - done) * epoch
        return min(left, max(self._longest - self._state.seconds - here, least))

    def _report(self, *, force: bool = False, **changes: Any) -> None:
        """Remember; write only when the last word is old enough, or it is a turning point."""
        self._progress = self._progress.model_copy(update=changes)
        if force or self._due(0):
            self._last_progress = time.monotonic()
            write_progress(self._paths, self._progress)
            if self._last_progress - self._last_steps >= STEPS_SECONDS:
                self._write_steps()

    def _write_steps(self) -> None:
        self._last_steps = time.monotonic()
        document = json.dumps({"buckets": self._curve.buckets})
        write_atomic(self._paths.steps, document, durable=False)


class EvaluationReporter(keras.callbacks.Callback):  # type: ignore[misc]
    """Where the evaluation after a training is, beside the last figures of the training."""

    def __init__(self, paths: RunPaths, steps: int) -> None:
        super().__init__()
        self._paths = paths
        before = read_progress(paths) or Progress()
        changes = {"phase": "evaluating", "step": 0, "steps": steps, "eta_seconds": None}
        self._progress = before.model_copy(update=changes)
        self._start = self._written = time.monotonic()
        write_progress(paths, self._progress)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        step, now = self._progress.step + 1, time.monotonic()
        left = (now - self._start) / step * (self._progress.steps - step)
        self._progress = self._progress.model_copy(update={"step": step, "eta_seconds": left})
        if now - self._written >= PROGRESS_SECONDS:
            self._written = now
            write_progress(self._paths, self._progress)


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves at the end of every epoch; stands last, so that it sees what the others decided."""

    def __init__(
        self, paths: RunPaths, state: TrainingState, judges: Judges, best: list[Array]
    ) -> None:
        super().__init__()
        self._paths = paths
        self._state = state
        self._judges = judges
        self._best = best

    def on_train_begin(self, logs: Logs = None) -> None:
        """After the judges' own beginning, which wipes what they know."""
        if self._state.history:
            self._judges.restore(self._state.judges, self._best)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        last = epoch + 1 == self.params["epochs"]
        self._state.complete = last or bool(self.model.stop_training)
        self._state.judges = self._judges.state()
        save_checkpoint(self._paths.checkpoint, self.model, self._judges.best(), self._state)
