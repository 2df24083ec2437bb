"""What happened with content packages that others may care about."""

from uuid import UUID

from lyceum.platform.events import Event, event


@event("package.imported")
class PackageImported(Event, frozen=True, kw_only=True):
    """A package became a course, or brought one up to date."""

    course_id: UUID
    import_id: UUID
    format: str
    is_new: bool


@event("course.exported")
class CourseExported(Event, frozen=True, kw_only=True):
    """All of a course, its answers included, was put into a package."""

    course_id: UUID
    export_id: UUID
    format: str
