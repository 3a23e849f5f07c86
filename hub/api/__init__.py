"""JSON over HTTP: translate, call the core, translate back."""
