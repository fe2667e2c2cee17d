"""A small Django project with django-post_office, as the documentation of both would have it.

A view queues the mail in SQLite (write-ahead log, fsynced at every commit, transactions that wait for each other). The
runner delivers what is queued, and looks again a tenth of a second after the queue was empty. The suite starts a copy
with the Python of a venv of its own: `project.py migrate`, `project.py deliver`, gunicorn for `project:application`.
"""

import json
import os
import sys
import time
from pathlib import Path

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

FOLDER = Path(os.environ["BENCH_FOLDER"])

settings.configure(
    SECRET_KEY="only for a measurement",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    INSTALLED_APPS=["post_office"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "project.db",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    },
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    EMAIL_BACKEND="post_office.EmailBackend",
    EMAIL_HOST="127.0.0.1",
    EMAIL_PORT=int(os.environ["BENCH_SINK"]),
    LOGGING={
        "version": 1,
        "handlers": {"stderr": {"class": "logging.StreamHandler"}},
        "loggers": {name: {"handlers": ["stderr"], "level": "WARNING"} for name in ("django", "post_office")},
    },
)
django.setup()

from post_office import mail  # noqa: E402  (its models need the settings above)


def ready(_: HttpRequest) -> HttpResponse:
    """Somebody is here."""
    return HttpResponse("ok")


def send(request: HttpRequest) -> JsonResponse:
    """Queue one mail: it is in the database when this answers."""
    order = json.loads(request.body)
    queued = mail.send(order["to"], "hello@quinta.example", subject=order["subject"], message=order["text"])
    return JsonResponse({"id": queued.pk}, status=202)


urlpatterns = [path("health/ready", ready), path("send", send)]
application = WSGIHandler()


def deliver() -> None:
    """Send what is queued, as cron would, but without its minute between two runs."""
    while True:
        call_command("send_queued_mail", lockfile=str(FOLDER / "lock"))
        time.sleep(0.1)


if __name__ == "__main__":
    deliver() if sys.argv[1:] == ["deliver"] else call_command("migrate", verbosity=0)
