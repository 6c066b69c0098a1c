"""A complete environment, as a deployment has it."""


def environment(**changes: str) -> dict[str, str]:
    """Return the settings that every process needs, with `changes`."""
    return {
        "QUIZ_DATABASE_URL": "sqlite:///quiz.db",
        "DATABASE_URL": "sqlite:///quizmail.db",
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_USE_TLS": "false",
        "MAIL_DEFAULT_SENDER": "QuizMaster <noreply@example.com>",
        "BASE_URL": "https://mail.example.com",
        "SITE_URL": "https://quiz.example.com",
        "SECRET_KEY": "a-key-for-the-tests-only",
        "POSTAL_ADDRESS": "1 Main Street, Springfield",
        **changes,
    }
