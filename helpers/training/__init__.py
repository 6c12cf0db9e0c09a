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

A step says what is done with a batch, and decides the kind of training:

    train(net, images, test=test_images, epochs=5)                         classify: the default step, x and y to the loss
    train(net, lambda dice: text_batches(ids, 32, 32, dice), steps=400, clip=1.0)       batches drawn anew: a text
    train(net, x, step=lambda net, x: (mse + kl, {"mse": mse, "kl": kl}))               several parts, each recorded
    train(towers, (pictures, words), step=contrast)                        two towers in one module: model.left, model.right
    train(pair, x, step=agree, after_step=follow)                          a teacher that follows after each update
    train(pair, x, step={"real or made": a, "deceive": b}, optimizer={"real or made": one, "deceive": two})      a GAN
    train(net, images, average=0.999, schedule="cosine", warmup=100)       a running average of the weights: run.averaged
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
