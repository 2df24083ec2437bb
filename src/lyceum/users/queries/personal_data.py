"""What the tables of `users` hold about people (`platform.privacy`)."""

from lyceum.platform import privacy
from lyceum.platform.statements import Json, command, sql

privacy.holds(
    "users.users",
    "id",
    "email",
    export=sql("SELECT to_jsonb(u) - 'password_hash' FROM users.users u WHERE u.id = $1", Json),
    # The row stays, so that what names its id still finds somebody: a former member.
    erase=command(
        """
        UPDATE users.users SET
            email = 'erased-' || id || '@erased.invalid', password_hash = NULL,
            first_name = 'Former', last_name = 'member', avatar_url = NULL, bio = '',
            locale = 'en', time_zone = 'UTC', visibility = 'private', status = 'erased',
            roles = '{student}', email_verified_at = NULL,
            permissions_version = permissions_version + 1, version = version + 1,
            updated_at = now()
        WHERE id = $1
        """
    ),
)
privacy.holds(
    "users.sessions",
    "user_id",
    export=sql("SELECT to_jsonb(s) FROM users.sessions s WHERE s.user_id = $1", Json),
    erase=command("DELETE FROM users.sessions WHERE user_id = $1"),
)
privacy.holds(
    "users.registrations",
    "email",
    by="email",
    export=sql(
        "SELECT to_jsonb(r) - 'password_hash' FROM users.registrations r WHERE r.email = $1", Json
    ),
    erase=command("DELETE FROM users.registrations WHERE email = $1"),
)
privacy.holds(
    "users.link_tokens",
    "user_id",
    "email",
    export=sql(
        "SELECT to_jsonb(t) - 'token_hash' FROM users.link_tokens t WHERE t.user_id = $1", Json
    ),
    erase=command("DELETE FROM users.link_tokens WHERE user_id = $1"),
)
privacy.holds(
    "users.acting_sessions",
    "impersonator_id",
    export=sql(
        "SELECT to_jsonb(a) FROM users.acting_sessions a WHERE a.impersonator_id = $1", Json
    ),
    keeps="who looked at somebody's account is on record for that person",
)
privacy.holds(
    "users.api_keys",
    "user_id",
    export=sql(
        """
        SELECT to_jsonb(k) - 'secret_hash' - 'previous_hash' FROM users.api_keys k
        WHERE k.user_id = $1
        """,
        Json,
    ),
    erase=command("DELETE FROM users.api_keys WHERE user_id = $1"),
)
privacy.holds(
    "users.factors",
    "user_id",
    export=sql(
        "SELECT to_jsonb(f) - 'totp_secret' FROM users.factors f WHERE f.user_id = $1", Json
    ),
    erase=command("DELETE FROM users.factors WHERE user_id = $1"),
)
privacy.holds(
    "users.identities",
    "user_id",
    "email",
    export=sql("SELECT to_jsonb(i) FROM users.identities i WHERE i.user_id = $1", Json),
    erase=command("DELETE FROM users.identities WHERE user_id = $1"),
)
privacy.holds(
    "users.oidc_flows",
    "user_id",
    export=sql(
        """
        SELECT jsonb_build_object('provider', f.provider, 'expires_at', f.expires_at)
        FROM users.oidc_flows f WHERE f.user_id = $1
        """,
        Json,
    ),
    erase=command("DELETE FROM users.oidc_flows WHERE user_id = $1"),
)
privacy.holds(
    "users.recovery_codes",
    "user_id",
    export=sql(
        "SELECT to_jsonb(c) - 'code_hash' FROM users.recovery_codes c WHERE c.user_id = $1", Json
    ),
    erase=command("DELETE FROM users.recovery_codes WHERE user_id = $1"),
)
privacy.holds(
    "users.trusted_devices",
    "user_id",
    export=sql(
        "SELECT to_jsonb(d) - 'token_hash' FROM users.trusted_devices d WHERE d.user_id = $1", Json
    ),
    erase=command("DELETE FROM users.trusted_devices WHERE user_id = $1"),
)
privacy.holds(
    "users.mfa_challenges",
    "user_id",
    export=sql(
        "SELECT to_jsonb(c) - 'token_hash' FROM users.mfa_challenges c WHERE c.user_id = $1", Json
    ),
    erase=command("DELETE FROM users.mfa_challenges WHERE user_id = $1"),
)
privacy.holds(
    "users.known_devices",
    "user_id",
    export=sql(
        "SELECT to_jsonb(d) - 'token_hash' FROM users.known_devices d WHERE d.user_id = $1", Json
    ),
    erase=command("DELETE FROM users.known_devices WHERE user_id = $1"),
)
privacy.holds(
    "users.mail_requests",
    "email",
    by="email",
    export=sql("SELECT to_jsonb(r) FROM users.mail_requests r WHERE r.email = $1", Json),
    erase=command("DELETE FROM users.mail_requests WHERE email = $1"),
)
privacy.holds(
    "users.password_resets",
    "user_id",
    export=sql(
        "SELECT to_jsonb(r) - 'token_hash' FROM users.password_resets r WHERE r.user_id = $1", Json
    ),
    erase=command("DELETE FROM users.password_resets WHERE user_id = $1"),
)
privacy.holds(
    "users.email_changes",
    "user_id",
    "email",
    export=sql(
        "SELECT to_jsonb(c) - 'token_hash' FROM users.email_changes c WHERE c.user_id = $1", Json
    ),
    erase=command("DELETE FROM users.email_changes WHERE user_id = $1"),
)
privacy.holds(
    "users.former_addresses",
    "user_id",
    "email",
    export=sql("SELECT to_jsonb(a) FROM users.former_addresses a WHERE a.user_id = $1", Json),
    erase=command("DELETE FROM users.former_addresses WHERE user_id = $1"),
)
privacy.holds(
    "users.data_exports",
    "user_id",
    export=sql(
        """
        SELECT to_jsonb(e) - 'link_hash' - 'file_key' FROM users.data_exports e
        WHERE e.user_id = $1
        """,
        Json,
    ),
    erase=command("DELETE FROM users.data_exports WHERE user_id = $1"),
    files=sql("SELECT coalesce(file_key, '') FROM users.data_exports WHERE user_id = $1", str),
)
privacy.holds(
    "users.consents",
    "user_id",
    export=sql("SELECT to_jsonb(c) FROM users.consents c WHERE c.user_id = $1", Json),
    # That somebody agreed has to be shown for longer than they are known; from where has not.
    erase=command("UPDATE users.consents SET ip = '' WHERE user_id = $1"),
)
privacy.holds(
    "users.follows",
    "follower_id",
    "followed_id",
    export=sql(
        "SELECT to_jsonb(f) FROM users.follows f WHERE f.follower_id = $1 OR f.followed_id = $1",
        Json,
    ),
    erase=command("DELETE FROM users.follows WHERE follower_id = $1 OR followed_id = $1"),
)
privacy.holds(
    "users.invitations",
    "user_id",
    "invited_by",
    export=sql(
        """
        SELECT to_jsonb(i) - 'token_hash' FROM users.invitations i
        WHERE i.user_id = $1 OR i.invited_by = $1
        """,
        Json,
    ),
    erase=command("DELETE FROM users.invitations WHERE user_id = $1"),
)
privacy.holds(
    "users.people_imports",
    "asked_by",
    # Of the file and its report, which are about others, only that there was one.
    export=sql(
        """
        SELECT jsonb_build_object('id', id, 'is_dry_run', is_dry_run, 'created_at', created_at)
        FROM users.people_imports WHERE asked_by = $1
        """,
        Json,
    ),
    erase=command("UPDATE users.people_imports SET content = NULL WHERE asked_by = $1"),
)
