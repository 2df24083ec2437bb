"""Puts lectures together from what a vertical of an Open edX course holds.

Not here: reading the blocks (`olx`).
"""

from collections import Counter

import msgspec

from lyceum.packages.adapters import askable, olx_video, wording
from lyceum.packages.adapters.olx_blocks import Block
from lyceum.packages.adapters.receiver import Receiver
from lyceum.packages.records import PackageLecture, PackageQuestion, PackageVideo

_DEFAULT_TITLES = {"", "video", "text", "html", "blank common problem"}


class Unit:
    """The content of one vertical as it is met; `section` is the title of its sequential."""

    def __init__(self, section: str) -> None:
        self.size = 0
        self._section = section
        self._key = ""
        self._title = ""
        self._texts: list[str] = []
        self._videos: list[PackageLecture] = []
        self._questions: list[PackageQuestion] = []
        # The kinds in the order in which they first appear.
        self._kinds: dict[str, None] = {}

    def name_after(self, block: Block) -> None:
        """Take the name of the outermost block."""
        if not self._key:
            self._key, self._title = block.key, block.own_title or self._section or block.title

    def add_text(self, html: str) -> None:
        """Put a text behind those that are there."""
        self._add("text")
        self._texts.append(html.strip())

    def add_video(self, block: Block, video: PackageVideo) -> None:
        """Put a video behind those that are there."""
        self._add("video")
        title = block.own_title
        self._videos.append(
            PackageLecture(
                external_id=block.key,
                kind="video",
                title=self._title if title.lower() in _DEFAULT_TITLES else title,
                section=self._section,
                video=video,
                duration_seconds=olx_video.duration_seconds(block, video),
            )
        )

    def add_questions(self, questions: tuple[PackageQuestion, ...]) -> None:
        """Put the questions of a problem behind those that are there."""
        self._add("quiz")
        self._questions += questions

    def room_for_text(self, html: str, receiver: Receiver) -> str:
        """Return why a text does not fit into the lecture, or nothing."""
        size = sum(len(text) + 1 for text in self._texts) + len(html)
        most = receiver.lecture_characters
        return f"the lecture holds more than {most} characters" if size > most else ""

    def room_for(self, questions: tuple[PackageQuestion, ...], receiver: Receiver) -> str:
        """Return why questions do not fit into the quiz, or nothing."""
        return askable.room_for((*self._questions, *questions), receiver)

    def lectures(self) -> list[PackageLecture]:
        """Return the lectures of the unit; none where nothing was put in."""
        made = []
        for kind in self._kinds:
            if kind == "video":
                made += self._videos
            elif kind == "text":
                made.append(
                    PackageLecture(
                        external_id=self._key,
                        kind="text",
                        title=self._title,
                        section=self._section,
                        html="\n".join(self._texts),
                    )
                )
            else:
                made.append(
                    PackageLecture(
                        external_id=f"{self._key}#quiz",
                        kind="quiz",
                        title=self._title,
                        section=self._section,
                        questions=tuple(self._questions),
                    )
                )
        return _told_apart_by_kind(made)

    def _add(self, kind: str) -> None:
        self.size += 1
        self._kinds.setdefault(kind)


def _told_apart_by_kind(lectures: list[PackageLecture]) -> list[PackageLecture]:
    """Name the kind of a quiz or video that has the title of the text beside it."""
    titles = Counter(lecture.title for lecture in lectures)
    return [
        msgspec.structs.replace(
            lecture, title=wording.one_line(f"{lecture.title} ({lecture.kind})")
        )
        if titles[lecture.title] > 1 and lecture.kind != "text"
        else lecture
        for lecture in lectures
    ]
