"""The baseline: a Flask view that reads the body and answers."""

from flask import Flask, request

app = Flask(__name__)


@app.post("/hook")
def hook() -> tuple[str, int]:
    """Read the body, do nothing, answer."""
    request.get_data()
    return "", 200


@app.get("/readyz")
def ready() -> str:
    """Answer that the server is up."""
    return "ok"
