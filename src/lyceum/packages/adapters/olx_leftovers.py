"""The files of an Open edX export that the course did not lead to, summed up by what they are.

Every file of the package is read, kept (`static`), or counted here. Not here: blocks that were met
and could not be taken (`olx`).
"""

from lyceum.packages.adapters.olx_folder import OlxFolder
from lyceum.packages.adapters.tally import Tally

_BLOCKS = {"chapter", "sequential", "vertical", "html", "problem", "video"}
_FOLDERS = {
    "about": ("about-page", "only the title, the subtitle and the description are taken"),
    "assets": ("settings", "lists of files and other settings are not brought in"),
    "course": ("settings", "another run of the course; the one course.xml names was taken"),
    "drafts": ("draft", "it was never published"),
    "info": ("course-info", "updates and handouts have no counterpart here"),
    "policies": ("settings", "grading, dates and tabs are not brought in"),
    "tabs": ("page", "extra pages of the course are not brought in"),
    "textbooks": ("textbook", "textbooks are not brought in"),
}


def count_leftovers(folder: OlxFolder, tally: Tally) -> None:
    """Count every file that nobody has read; each entry shows the first path as an example.

    A text and the file that points at it count as one, by their name without its ending.
    """
    counted: set[tuple[str, str]] = set()
    for file in folder.unread():
        top = file.path.split("/")[0] if "/" in file.path else ""
        kind, reason = _kind(top, file.path)
        thing = (kind, file.path.rpartition(".")[0] if top in _BLOCKS else file.path)
        if thing not in counted:
            counted.add(thing)
            tally.sum_up(kind, reason, example=file.path)


def _kind(top: str, path: str) -> tuple[str, str]:
    if top in _BLOCKS:
        return f"orphaned-{top}", "nothing in the course leads to it"
    return _FOLDERS.get(top, ("other-file", "nothing in the course leads to it"))
