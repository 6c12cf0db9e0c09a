"""The course's pictures and its text: loaded from data/, verified, batched in an order that a seed decides.

Nothing is downloaded. Every file is compared with data/checksums.txt each time it is read (some milliseconds), and the
error for a missing or damaged one says how to restore it. The environment variable COURSE_DATA names another folder.

image_set     ImageSet: pictures with their labels; shift() moves pictures
sets          fashion_mnist, digits: shipped subsets
procedural    shapes: colour shapes drawn by rule
scenes        scenes: coloured forms with the list of what is in each picture; fade
captions      caption, describe, ask: true sentences, questions and answers about them; Words
photographs   photograph, photographs, text: shipped ones
pictures      what photograph takes beside: a student's own file, bytes or numbers; own_pictures lists my_pictures/
files         how a file in data/ is read and verified
"""

from helpers.data.captions import NUMBERS, QUESTIONS, Words, ask, caption, describe, relations
from helpers.data.files import folder
from helpers.data.image_set import ImageSet, permutation, shift
from helpers.data.photographs import PHOTOGRAPHS, photograph, photographs, text
from helpers.data.pictures import own_folder, own_pictures
from helpers.data.procedural import SHAPES, shapes
from helpers.data.scenes import COLOURS, FORMS, PLACES, SIZES, Scenes, Thing, fade, scenes
from helpers.data.sets import FASHION, digits, fashion_mnist

__all__ = [
    "COLOURS",
    "FASHION",
    "FORMS",
    "ImageSet",
    "NUMBERS",
    "PHOTOGRAPHS",
    "PLACES",
    "QUESTIONS",
    "SHAPES",
    "SIZES",
    "Scenes",
    "Thing",
    "Words",
    "ask",
    "caption",
    "describe",
    "digits",
    "fade",
    "fashion_mnist",
    "folder",
    "own_folder",
    "own_pictures",
    "permutation",
    "photograph",
    "photographs",
    "relations",
    "scenes",
    "shapes",
    "shift",
    "text",
]
