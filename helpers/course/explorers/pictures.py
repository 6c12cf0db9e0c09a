"""The picture that an explorer shows: a menu of the shipped ones and those in my_pictures/, and a button for any other file.

All go through data.photograph. What is uploaded travels from the browser to the kernel, and no further.
"""

import base64
import functools
import os
from pathlib import Path

import traitlets as tr

from helpers import data

SCRIPT = Path(__file__).with_name("pictures.js").read_text(encoding="utf-8")
YOURS = "your picture"  # the name of what came without one


class Picture:
    """A photograph by its name; at(size) returns it, (3, size, size). Own ones are decoded once, shipped ones when asked for."""

    def __init__(self, name, source):
        self.name, self.own = name, source is not None
        self._source = data.photograph(source) if self.own else name
        self.at = functools.lru_cache(maxsize=4)(lambda size: data.photograph(self._source, size))

    @property
    def said(self):
        """What a reader must know of an own one; "" of a shipped one."""
        return (
            f"{self.name} is your own picture. It stays on this machine; a notebook saved now contains it."
            if self.own
            else ""
        )


@functools.cache
def shipped(name):
    return Picture(name, None)


class Gallery:
    """What an explorer offers, and which of them it shows: `now`.

    picture: what data.photograph takes, shown first; or one of `more`
    more:    names of what the explorer itself can draw, such as "plain grid"
    raises:  ValueError, FileNotFoundError, as data.photograph
    """

    def __init__(self, picture, more=()):
        self.more, self.given, self.now = more, {}, None
        if picture is None:
            data.photograph(picture)  # for its complaint
        if isinstance(picture, str) and picture in self.names:
            self.choose(picture)
        else:
            name = os.path.basename(picture) if isinstance(picture, (str, os.PathLike)) else YOURS
            self.take(name, picture)

    @property
    def names(self):
        """The names in the menu."""
        return tuple(dict.fromkeys((*data.photographs(), *self.more, *data.own_pictures(), *self.given)))

    def take(self, name, source):
        """Show a picture of one's own from now on."""
        self.now = self.given[name] = Picture(name, source)

    def choose(self, name):
        """Show one of the menu."""
        if name in self.given:
            self.now = self.given[name]
        elif name in self.more or name in data.photographs():
            self.now = shipped(name)
        else:
            self.now = Picture(name, name)

    def upload(self, name, text):
        """Show a file that the browser sent: its name, and its bytes in base64."""
        self.take(os.path.basename(str(name))[-40:] or YOURS, base64.b64decode(text))

    @property
    def said(self):
        """What a reader must know of the one shown."""
        return self.now.said


class Uploads(tr.HasTraits):
    """Mixed into an explorer that is drawn in the browser; `gallery` is its Gallery, show_picture() follows what it shows now."""

    uploaded = tr.List().tag(sync=True, echo_update=False)
    said = tr.Unicode().tag(sync=True)

    def show_picture(self):
        raise NotImplementedError

    @tr.observe("uploaded")
    def _take(self, change):
        if change.new:
            self.turn_to(self.gallery.upload, *change.new)
            self.uploaded = []  # or a saved notebook would keep the file

    def turn_to(self, call, *given):
        """Change the picture, and say what is wrong with it where it cannot be shown."""
        try:
            call(*given)
            self.show_picture()
            self.said = self.gallery.said
        except (ValueError, OSError) as error:
            self.said = f"{error}."
