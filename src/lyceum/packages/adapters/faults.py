"""What can be wrong with a package that somebody hands us; the service says it to the caller.

`code` is stable and kebab-case, `detail` is for people and never holds a path of this machine.
Not here: what is wrong with one block of an otherwise good package (the report says that).
"""

from typing import ClassVar

NAME_SHOWN = 200


class PackageFault(Exception):
    """A package that cannot be taken at all."""

    code: ClassVar[str] = "package-fault"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotAnArchive(PackageFault):
    """The file is no tar and no zip."""

    code = "not-an-archive"

    def __init__(self) -> None:
        super().__init__("The file is not a tar (plain, gz, bz2, xz) or zip archive")


class CorruptArchive(PackageFault):
    """The archive is cut off or damaged."""

    code = "corrupt-archive"

    def __init__(self, what: str) -> None:
        super().__init__(f"The archive is damaged: {what}")


class UnsafeArchive(PackageFault):
    """The archive holds something that an honest package never does.

    `reason` is kebab-case and stable, `member` the name as the archive has it, shortened.
    """

    code = "unsafe-archive"

    def __init__(self, reason: str, member: str) -> None:
        self.reason = reason
        self.member = member[:NAME_SHOWN]
        super().__init__(f"The archive is not safe to unpack: {reason} at {self.member!r}")


class ArchiveTooLarge(PackageFault):
    """The archive expands beyond a limit; `limit` names it and `allowed` is its value."""

    code = "archive-too-large"

    def __init__(self, limit: str, allowed: int) -> None:
        self.limit = limit
        self.allowed = allowed
        super().__init__(f"The archive is too large: {limit} is at most {allowed}")


class PackageTooLarge(PackageFault):
    """The course inside is beyond a limit, though its archive was not."""

    code = "package-too-large"


class XmlEntities(PackageFault):
    """An XML file declares entities: no course needs them, attacks do."""

    code = "xml-entities"

    def __init__(self, path: str) -> None:
        self.path = path[:NAME_SHOWN]
        super().__init__(f"{self.path!r} declares XML entities, which are not accepted")


class XmlMalformed(PackageFault):
    """An XML file that cannot be read."""

    code = "xml-malformed"

    def __init__(self, path: str, problem: str) -> None:
        self.path = path[:NAME_SHOWN]
        self.problem = problem
        super().__init__(f"{self.path!r} is not well-formed XML: {problem}")


class NotOlx(PackageFault):
    """No Open edX course in the package."""

    code = "not-olx"

    def __init__(
        self, detail: str = "The package holds no course.xml of an Open edX course"
    ) -> None:
        super().__init__(detail)


class UnknownFormat(PackageFault):
    """None of the formats that we read; `supported` names them."""

    code = "unknown-format"

    def __init__(self, supported: tuple[str, ...]) -> None:
        self.supported = supported
        super().__init__(f"The package is in no format we read. We read: {', '.join(supported)}")


class NotCommonCartridge(PackageFault):
    """No Common Cartridge in the package."""

    code = "not-common-cartridge"

    def __init__(self, detail: str = "The package holds no manifest of a Common Cartridge") -> None:
        super().__init__(detail)


class NotMoodle(PackageFault):
    """No course backup of Moodle 2 or newer in the package."""

    code = "not-moodle"


class NotLyceum(PackageFault):
    """No archive of ours, or not a whole one."""

    code = "not-lyceum"
