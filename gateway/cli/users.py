"""`gateway user`: people who work with the gateway."""

import sys

import click

from gateway.cli.client import ask, ask_all
from gateway.cli.place import everywhere, show, table
from gateway.roles import ROLES

password_option = click.option(
    "--password-file", type=click.File(), help="The password, in a file, or - for what is piped in."
)


@click.group()
def user() -> None:
    """People who work with the gateway."""


@user.command()
@click.option("--email", required=True, help="With what the user signs in.")
@click.option("--name", required=True, help="What the user is called.")
@click.option("--role", type=click.Choice(list(ROLES)), required=True, help="What the user may do.")
@password_option
@everywhere
def add(email, name, role, password_file, config_path, data_path, as_json) -> None:
    """Add a user. Without a password a code is laid into DATA/setup-code, with which one can be chosen."""
    body = {"email": email, "name": name, "role": role, "password": _password(password_file)}
    made = ask("POST", "/local/users", body, config_path=config_path, data_path=data_path)
    show(made, as_json, _done)


@user.command("list")
@everywhere
def list_(config_path, data_path, as_json) -> None:
    """Every user."""
    found = ask_all("/communications/users", config_path=config_path, data_path=data_path)
    rows = [(one["id"], one["email"], one["name"], one["role"]) for one in found]
    show({"items": found}, as_json, lambda _: table(rows, ("ID", "EMAIL", "NAME", "ROLE")))


@user.command()
@click.argument("who", metavar="USER")
@password_option
@everywhere
def passwd(who, password_file, config_path, data_path, as_json) -> None:
    """Give USER (an id or an e-mail address) a new password; without one, a code for it in DATA/setup-code."""
    body = {"user": who, "password": _password(password_file)}
    done = ask("POST", "/local/users/password", body, config_path=config_path, data_path=data_path)
    show(done, as_json, _done)


@user.command()
@click.argument("who", metavar="USER")
@click.option("--code-file", type=click.File(), help="A code of the app, in a file, or - for what is piped in.")
@click.option("--off", is_flag=True, help="Ask for no codes any more, when phone and recovery codes are lost.")
@everywhere
def totp(who, code_file, off, config_path, data_path, as_json) -> None:
    """Give USER a second factor: first shows a secret for an app; once more with a code of it, recovery codes."""
    code = code_file.read().strip() if code_file else None
    body = {"user": who, "code": code, "off": off}
    found = ask("POST", "/local/users/totp", body, config_path=config_path, data_path=data_path)
    show(found, as_json, _factor)


def _password(file) -> str | None:
    """The password in a file, less the line's end; what is typed on a terminal; None where there is neither."""
    if file is not None:
        return file.read().removesuffix("\n").removesuffix("\r")
    if not sys.stdin.isatty():
        return None
    return click.prompt("Password (empty for a setup code)", default="", hide_input=True, show_default=False) or None


def _done(done: dict) -> str:
    if done["setup_code_file"] is None:
        return f"{done['id']} has a new password."
    return f"{done['id']} chooses a password with the code in {done['setup_code_file']}, within an hour."


def _factor(found: dict) -> str:
    if "recovery_codes" in found:
        return "\n".join([*found["recovery_codes"], "This is the only time these recovery codes are shown."])
    if "secret" in found:
        return f"{found['secret']}\n{found['uri']}\nGive a code of the app with --code-file to confirm it."
    return "No code is asked for any more."
