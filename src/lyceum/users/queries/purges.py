"""What nobody needs any more."""

from lyceum.platform.statements import command

PURGES = (
    command("DELETE FROM users.registrations WHERE created_at < now() - interval '1 day'"),
    command("DELETE FROM users.link_tokens WHERE expires_at < now() - interval '1 day'"),
    command("DELETE FROM users.login_failures WHERE last_failed_at < now() - interval '1 day'"),
    command("DELETE FROM users.mfa_challenges WHERE expires_at < now() - interval '1 day'"),
    command("DELETE FROM users.oidc_flows WHERE expires_at < now()"),
    command("DELETE FROM users.passkey_challenges WHERE expires_at < now()"),
    command("DELETE FROM users.trusted_devices WHERE expires_at < now()"),
    command("DELETE FROM users.mail_counts WHERE last_sent_at < now() - interval '1 day'"),
    command("DELETE FROM users.mail_requests WHERE created_at < now() - interval '1 day'"),
    command("DELETE FROM users.password_resets WHERE expires_at < now()"),
    command("DELETE FROM users.email_changes WHERE expires_at < now()"),
    command("DELETE FROM users.former_addresses WHERE replaced_at < now() - interval '30 days'"),
    command("DELETE FROM users.known_devices WHERE expires_at < now()"),
    command("DELETE FROM users.sessions WHERE expires_at < now() - interval '30 days'"),
)
