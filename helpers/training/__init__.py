"""One training loop for every chapter, which can be stopped at any step and goes on exactly where it stopped.

loop         Training and train: the loop itself, in one screen
steps        what is done with a batch: the default step, its loss, accuracy
batches      data under a seed: image sets, tensors, functions that draw
schedules    how the learning rate changes from step to step
live         the progress bar and the curve
stop         the stop button
saving       a training in a file, and back
distributed  the same loop in several processes, as torchrun starts them
checklist    why does it not learn? diagnose() on your own network and data
"""

from helpers.training.checklist import Diagnosis, Finding, diagnose
from helpers.training.loop import Training, train
from helpers.training.steps import accuracy, check_model, classify, default_loss
from helpers.training.stop import AGAIN, STOP_BUTTON, stop_button

__all__ = [
    "AGAIN",
    "Diagnosis",
    "Finding",
    "STOP_BUTTON",
    "Training",
    "accuracy",
    "check_model",
    "classify",
    "default_loss",
    "diagnose",
    "stop_button",
    "train",
]
