"""The `hub` command. A command's modules are imported only when it runs: the whole
tree with its help is a table here, so that `hub --help` is quick."""

import sys
from typing import NoReturn

import click

from hub.cli.lazy import LazyGroup

_COMMANDS = {
    "up": ("hub.cli.run:up", "Everything in one command; Ctrl-C ends all of it."),
    "web": ("hub.cli.run:web", "The web server: webhooks, API, feed and pages."),
    "worker": ("hub.cli.run:worker", "Processes webhooks and makes deliveries."),
    "scheduler": ("hub.cli.run:scheduler", "Runs what is periodic."),
    "sim": ("hub.cli.run:sim", "Simulators of all providers, for trying out."),
    "doctor": ("hub.cli.doctor:doctor", "Says what is wrong here and what to do."),
    "db": ("hub.cli.database:db", "The database's schema."),
    "secrets": ("hub.cli.secrets:secrets", "Encryption keys of stored secrets."),
    "users": ("hub.cli.users:users", "People who sign in."),
    "tokens": ("hub.cli.tokens:tokens", "Tokens for the API."),
    "plugins": ("hub.cli.plugins:plugins", "Installed plugins, on and off."),
    "connections": ("hub.cli.connections:connections", "Accounts at providers."),
    "config": ("hub.cli.config:config", "All settings as a file, without secrets."),
    "send": ("hub.cli.send:send", "Send a message through a connection."),
    "replay": ("hub.cli.replay:replay", "Do it again: webhook, delivery, sample."),
    "sync": ("hub.cli.sync:sync", "Read what is new at a provider."),
    "emit": ("hub.cli.emit:emit", "Publish an event of your own."),
}


@click.command(
    cls=LazyGroup,
    commands_at=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExample:\n  hub up --demo",
)
@click.version_option(package_name="msp-hub", prog_name="hub")
def cli() -> None:
    """The hub joins the services an MSP bills with."""


def main() -> NoReturn:
    """Run a command: exit status 0 done, 1 it could not be done, 2 wrong usage."""
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """Run one command and return its exit status; errors go to standard error, in
    one sentence."""
    from hub.sdk.errors import HubError

    try:
        return cli.main(arguments, prog_name="hub", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return 1
    except HubError as error:
        click.echo(f"Error: {_redacted(str(error))}", err=True)
        return 1
    except BrokenPipeError:  # the reader of our output has enough
        sys.stderr.close()
        return 0
    except Exception as error:
        return _defect(error)


def _defect(error: Exception) -> int:
    """An error nobody foresaw: never a traceback on the terminal, it is logged."""
    import structlog

    structlog.get_logger("hub.cli").debug("defect", exc_info=error)
    click.echo(
        # Its text may hold anything, a row's values for example.
        f"Error: {type(error).__name__}: this is a defect of the hub; with"
        " HUB_LOG_LEVEL=DEBUG the log says where.",
        err=True,
    )
    return 1


def _redacted(text: str) -> str:
    """Take out what this process knows to be secret, if it got as far as knowing."""
    if "hub.log" not in sys.modules:
        return text
    from hub import log

    return log.redact(text)
