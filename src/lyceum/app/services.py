"""What each domain brings to a process: its routes, handlers and jobs."""

import importlib

from lyceum.app.service_names import domains_of
from lyceum.assessments import http as assessments_http
from lyceum.audit import http as audit_http
from lyceum.courses.http import (
    catalogue,
    categories,
    certificates,
    cohorts,
    courses,
    enrolment,
    notes,
    outline_parts,
    progress,
    publishing,
    reviews,
    rosters,
    staff,
    structure,
    waiting,
)
from lyceum.customers.http import customers, groups, transfers
from lyceum.discussions.http import announcements, posts, reports, threads
from lyceum.packages.http import exports as package_exports
from lyceum.packages.http import files as package_files
from lyceum.packages.http import imports as package_imports
from lyceum.platform import event_routes, job_routes, queue_pages, queue_routes
from lyceum.platform.routing import Route, Routes
from lyceum.users.http import (
    account,
    acting,
    api_keys,
    browser,
    email_change,
    follows,
    identities,
    internal,
    invitations,
    mfa,
    oidc,
    passkeys,
    people,
    permissions,
    places,
    privacy,
    recovery,
    registration,
    roles,
    sign_in,
    signing_keys,
    step_up,
)
from lyceum.webhooks import http as webhooks_http

ROUTES: dict[str, tuple[Routes, ...]] = {
    "users": (
        registration.routes,
        sign_in.routes,
        browser.routes,
        recovery.routes,
        email_change.routes,
        step_up.routes,
        mfa.routes,
        oidc.routes,
        identities.routes,
        passkeys.routes,
        account.routes,
        places.routes,
        people.routes,
        permissions.routes,
        roles.routes,
        acting.routes,
        invitations.routes,
        api_keys.routes,
        follows.routes,
        privacy.routes,
        internal.routes,
        signing_keys.well_known,
    ),
    "customers": (groups.routes, transfers.routes, customers.routes),
    "courses": (
        categories.routes,
        catalogue.routes,
        courses.routes,
        publishing.routes,
        structure.routes,
        outline_parts.routes,
        staff.routes,
        enrolment.routes,
        rosters.routes,
        waiting.routes,
        cohorts.routes,
        progress.routes,
        certificates.routes,
        certificates.pages,
        reviews.routes,
        notes.routes,
    ),
    "assessments": (assessments_http.routes,),
    "discussions": (threads.routes, posts.routes, reports.routes, announcements.routes),
    "packages": (package_imports.routes, package_files.routes, package_exports.routes),
    "webhooks": (webhooks_http.routes,),
    "audit": (audit_http.routes,),
    "jobs": (
        job_routes.routes,
        queue_routes.routes,
        queue_pages.routes,
        event_routes.routes,
    ),
}
"""Routes by domain; `jobs` is the platform's own and always carried."""

HANDLERS = {
    "users": "lyceum.users.jobs",
    "customers": "lyceum.customers.jobs",
    "courses": "lyceum.courses.jobs",
    "assessments": "lyceum.assessments.jobs",
    "discussions": "lyceum.discussions.jobs",
    "packages": "lyceum.packages.jobs",
    "webhooks": "lyceum.webhooks.jobs",
    "audit": "lyceum.audit.jobs",
    "jobs": "lyceum.platform.housekeeping",
}

PERSONAL_DATA = (
    "lyceum.audit.queries",
    "lyceum.webhooks.queries",
    "lyceum.platform.personal_data",
    "lyceum.users.queries.personal_data",
    "lyceum.customers.queries.personal_data",
    "lyceum.courses.queries.personal_data",
    "lyceum.assessments.queries",
    "lyceum.discussions.queries.threads",
    "lyceum.discussions.queries.posts",
    "lyceum.discussions.queries.reports",
    "lyceum.discussions.queries.announcements",
    "lyceum.packages.queries.exports",
    "lyceum.packages.queries.imports",
)
"""What says which tables hold something about people, from the lowest domain up; whoever exports
or erases a person needs all of it, whichever services this process carries."""

POLICIES = ("lyceum.users.service.policy", "lyceum.courses.service.policy")
"""What judges objects that others may ask about, whichever services this process carries."""


def routes_of(services: str) -> list[Route]:
    """Return the routes of the domains that `services` carry."""
    for module in POLICIES:
        importlib.import_module(module)
    return [route for d in domains_of(services) for group in ROUTES[d] for route in group.all]


def load_handlers(services: str) -> None:
    """Import what subscribes to events and declares jobs."""
    for domain in domains_of(services):
        importlib.import_module(HANDLERS[domain])
    load_personal_data()


def load_personal_data() -> None:
    """Import what registers the tables with people in them."""
    for module in PERSONAL_DATA:
        importlib.import_module(module)
