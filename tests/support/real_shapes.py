"""Small databases in the shapes that quiz applications really have."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg

#: The source files that go with these shapes.
SOURCES = Path(__file__).parent / "sources"

RESULTS_IN_LOCAL_TIME = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(50), email VARCHAR(50), role VARCHAR(10));
CREATE TABLE subjects (id INTEGER PRIMARY KEY, name VARCHAR(50));
CREATE TABLE chapters (id INTEGER PRIMARY KEY, name VARCHAR(50), subject_id INTEGER);
CREATE TABLE quizzes (id INTEGER PRIMARY KEY, name VARCHAR(50), chapter_id INTEGER, time_duration INTEGER,
                      deadline DATETIME, one_attempt_only BOOLEAN);
CREATE TABLE quiz_results (id INTEGER PRIMARY KEY, quiz_id INTEGER, user_id INTEGER, marks_scored INTEGER,
                           total_marks INTEGER, completed_at DATETIME);
INSERT INTO users VALUES (1, 'Head', 'head@example.org', 'admin'), (2, 'Ada', 'ada@example.org', 'student'),
                         (3, 'Bob', 'bob@example.org', 'student');
INSERT INTO subjects VALUES (1, 'Maths');
INSERT INTO chapters VALUES (1, 'Fractions', 1);
INSERT INTO quizzes VALUES (1, 'Free', 1, 1800, NULL, 0), (2, 'Also free', 1, 2700, NULL, NULL),
                           (3, 'Once', 1, 600, '2025-02-15 01:09:00.000000', 1),
                           (4, 'Closed', 1, 600, '2025-02-03 10:24:00.000000', 1),
                           (5, 'Once more', 1, 600, NULL, 1);
INSERT INTO quiz_results (quiz_id, user_id, marks_scored, total_marks, completed_at) VALUES
    (1, 2, 7, 10, '2024-12-31 23:59:59.999999'), (1, 2, 7, 10, '2025-01-01 00:00:00.000000'),
    (1, 2, 10, 10, '2025-01-31 23:59:59.999999'), (1, 2, 0, 10, '2025-02-01 00:00:00.000000'),
    (3, 3, 3, 4, '2025-01-14 15:17:07.701313'), (3, 3, 1, 4, '2025-01-14 15:19:07.701313'),
    (2, 3, NULL, NULL, '2025-01-20 11:00:00.000000'), (1, 3, 1, 1, NULL), (1, 1, 1, 1, '2025-01-02 10:00:00');
"""

ADDRESS_IN_USERNAME = """
CREATE TABLE user (id INTEGER PRIMARY KEY, username VARCHAR(80), full_name VARCHAR(100), is_admin BOOLEAN);
CREATE TABLE quiz (id INTEGER PRIMARY KEY, title VARCHAR(100), date_of_quiz VARCHAR(20),
                   time_duration VARCHAR(10));
CREATE TABLE score (id INTEGER PRIMARY KEY, user_id INTEGER, quiz_id INTEGER, score INTEGER,
                    total_questions INTEGER, timestamp DATETIME);
INSERT INTO user VALUES (1, 'head', 'Head', 1), (2, 'ada@example.org', 'Ada', 0), (3, 'bob@local', 'Bob', 0);
INSERT INTO quiz VALUES (1, 'First', '2025-07-25', '30');
INSERT INTO score (user_id, quiz_id, score, total_questions, timestamp) VALUES
    (2, 1, 2, 2, '2025-07-25 13:54:31.739923'), (2, 1, 2, 2, '2025-07-25 14:02:05.108806'),
    (2, 1, 1, 2, '2025-07-25 14:02:29.420111'), (3, 1, 2, 2, '2026-01-13 17:37:25.028119');
"""

#: The course's own application: attempts hold the address where the id should be.
QUIZMASTER = """
CREATE TABLE "Users" (id INTEGER PRIMARY KEY, email VARCHAR(120) UNIQUE, username VARCHAR(80),
                      is_admin BOOLEAN, last_login TIMESTAMP, is_active BOOLEAN, registration_date TIMESTAMP);
CREATE TABLE "UserPreferences" (id INTEGER PRIMARY KEY, user_id INTEGER UNIQUE, daily_reminders BOOLEAN,
                                monthly_reports BOOLEAN, email_notifications BOOLEAN);
CREATE TABLE "Subjects" (id INTEGER PRIMARY KEY, name VARCHAR(100));
CREATE TABLE "Chapters" (id INTEGER PRIMARY KEY, subject_id INTEGER, name VARCHAR(100));
CREATE TABLE "Quizzes" (id INTEGER PRIMARY KEY, chapter_id INTEGER, name VARCHAR(100), date_of_quiz DATE,
                        time_duration INTEGER, is_active BOOLEAN);
CREATE TABLE "Scores" (id INTEGER PRIMARY KEY, user_id {user_id}, quiz_id INTEGER,
                       time_stamp_of_attempt TIMESTAMP, total_scored DOUBLE PRECISION,
                       total_possible_score DOUBLE PRECISION, percentage DOUBLE PRECISION);
INSERT INTO "Users" VALUES
    (1, 'head@example.org', 'head', TRUE, NULL, TRUE, '2026-01-01 10:00:00'),
    (2, 'ada@example.org', 'ada', FALSE, '2026-11-01 10:00:00', TRUE, '2026-01-01 10:00:00'),
    (3, 'bob@example.org', 'bob', FALSE, NULL, FALSE, '2026-01-01 10:00:00'),
    (4, 'eve@example.org', 'eve', FALSE, NULL, TRUE, '2026-01-01 10:00:00');
INSERT INTO "UserPreferences" VALUES
    (1, 2, TRUE, FALSE, TRUE), (2, 3, TRUE, TRUE, FALSE), (3, 4, NULL, NULL, NULL);
INSERT INTO "Subjects" VALUES (1, 'Maths');
INSERT INTO "Chapters" VALUES (1, 1, 'Fractions'), (2, NULL, 'Rivers');
INSERT INTO "Quizzes" VALUES (1, 1, 'Halves', '2026-11-24', 30, TRUE), (2, 2, 'Rhine', NULL, NULL, TRUE),
                             (3, 1, 'Thirds', '2026-01-01', 30, FALSE);
INSERT INTO "Scores" VALUES
    (1, '{ada}', 2, '2026-10-31 18:29:59', 3, 4, 100), (2, '{ada}', 2, '2026-10-31 18:30:00', 1, 1, 100),
    (3, '{eve}', 3, '2026-10-02 10:00:00', NULL, NULL, 50),
    (4, '{nobody}', 2, '2026-10-02 10:00:00', 4, 4, 100);
"""

BY_ADDRESS = {"ada": "ada@example.org", "eve": "eve@example.org", "nobody": "nobody@example.org"}
BY_ID = {"ada": "2", "eve": "4", "nobody": "99"}


def create(url, script):
    """Run the statements of `script` on the empty database at `url`."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.executescript(script)
    else:
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            connection.execute(script)
